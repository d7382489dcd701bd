"""``virtlab report`` of a lab that runs, of one that is down, and of one that was never up."""

from __future__ import annotations

import stat

import pytest
from driver import Virtlab


@pytest.fixture
def folder(virtlab: Virtlab) -> str:
    """A folder that the account may write to."""
    place = virtlab.home / "reports"
    place.mkdir(exist_ok=True)
    place.chmod(0o777)
    return str(place)


def test_the_page_of_a_running_lab_and_of_what_was_saved_of_it(virtlab: Virtlab, folder: str) -> None:
    name, file = virtlab.name(), f"{folder}/report.html"
    own = {"XDG_STATE_HOME": f"{folder}/state"}  # the page of all labs counts those that were run
    virtlab("up", "demo-paravirt", "--as", name).ended(0)
    virtlab("compare", name, **own).ended(0)
    virtlab("check", name, **own).ended(0)
    told = virtlab("report", name, "-O", file, **own).ended(0)
    assert f"written: {file}" in told.out
    assert f"file://{file}" in told.err
    live = virtlab("report", name, "-O", "-", **own).ended(0).out
    for words in ("driver sd → ata_piix", "driver virtio_net → virtio-pci", "virtlab bench", "QEMU process"):
        assert words in live
    assert '<span class="pass">' in live
    assert 'class="chart"' not in live  # nothing was measured

    virtlab("down", name).ended(0)
    kept = virtlab("report", name, "-O", "-", "--lang", "ja", **own).ended(0).out
    assert '<html lang="ja">' in kept
    assert "driver sd → ata_piix" in kept
    assert '<span class="pass">' in kept
    assert "the lab was not up" in kept
    assert "QEMU process" not in kept

    course = virtlab("report", "--all", "-O", "-", **own).ended(0).out
    assert "1 of " in course
    assert "driver sd → ata_piix" in course
    assert '<span class="pass">' in course
    assert "virtlab report demo-paravirt" in course
    assert "virtlab up demo-xen" in course


def test_a_lab_that_was_never_up_has_a_page_too(virtlab: Virtlab, folder: str) -> None:
    copy = f"{folder}/{virtlab.name()}"
    virtlab("copy", "demo-paravirt", copy).ended(0)
    page = virtlab("report", copy, "-O", "-").ended(0).out
    assert "made for virtual machines" in page
    assert f"virtlab up {copy}" in page


def test_what_is_not_known_or_in_the_way_is_said(virtlab: Virtlab, folder: str) -> None:
    told = virtlab("report", "nobodys-lab", "-O", f"{folder}/x.html").ended(1)
    assert "nobodys-lab" in told.err
    assert "next:" in told.err
    assert "name a lab, or say --all" in virtlab("report", "demo-paravirt", "--all").ended(2).err
    assert "report --all" in virtlab("report").ended(2).err
    told = virtlab("report", "demo-paravirt", "-O", folder).ended(2)
    assert "is not a file" in told.err
    assert stat.S_ISDIR((virtlab.home / "reports").stat().st_mode)
