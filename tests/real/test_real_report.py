"""``virtlab report`` of a lab that was never up; of others, see test_real_demo.py."""

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
