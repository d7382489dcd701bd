"""The XML that render shows, which no libvirt was asked for."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from provisioner import errors
from provisioner.host.local_host import user_name
from provisioner.host.unknown_host import UnknownHost
from provisioner.hypervisor.uris import Choice
from provisioner.images import cache
from provisioner.images.cache import BuiltImage
from provisioner.lifecycle import preview
from provisioner.model import metadata, naming
from provisioner.units import MIB

PROJECT = Path(__file__).resolve().parents[2]
SYSTEM = Choice("qemu:///system", "test")
SESSION = Choice("qemu:///session", "test")


@pytest.fixture(autouse=True)
def no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def documents(
    target: str, choice: Choice = SYSTEM, accel: str | None = None, sets: tuple[str, ...] = ()
) -> dict[str, str]:
    return preview.documents(target, choice=choice, host=UnknownHost(), accel_flag=accel, sets=sets)


def mark_of(xml: str) -> metadata.GuestMetadata:
    text = ET.fromstring(xml).findtext(f"metadata/{{{naming.METADATA_URI}}}stamp")  # noqa: S314
    mark = metadata.loads(text or "")
    assert isinstance(mark, metadata.GuestMetadata)
    return mark


def test_networks_come_first() -> None:
    assert list(documents("demo-paravirt")) == ["network lab", "filter lab", "full", "virtio", "vmware"]
    assert list(documents("demo-paravirt", SESSION)) == ["full", "virtio", "vmware"]
    assert list(documents("demo-paravirt/virtio")) == ["virtio"]


def test_only_guests_of_the_hypervisor_are_shown() -> None:
    reference = str(PROJECT / "labs/reference.yaml")
    networks = [f"{kind} {name}" for name in ("office", "backstage") for kind in ("network", "filter")]
    assert list(documents(reference)) == [*networks, "bench", "host", "foreign"]


def test_names_and_places(tmp_path: Path) -> None:
    owner = naming.owner_slug(user_name())
    root = ET.fromstring(documents("demo-paravirt/full", SESSION)["full"])  # noqa: S314
    assert root.findtext("name") == f"virtlab.{owner}.demo-paravirt.full"
    assert (root.findtext("os/kernel") or "").startswith(f"{tmp_path}/data/libvirt/images/virtlab/virtlab..")
    assert root.find("devices/interface[@type='user']") is not None
    root = ET.fromstring(documents("demo-paravirt/full")["full"])  # noqa: S314
    assert (root.findtext("os/kernel") or "").startswith("/var/lib/libvirt/images/virtlab/")


def test_memory_follows_an_image_that_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    least = {"memory": {"tiny": 300 * MIB}}
    built = BuiltImage("tiny", "kernel", "0" * 64, {}, least)
    monkeypatch.setattr(cache, "find", lambda recipe, root: built if recipe.name == "tiny" else None)
    xml = documents("demo-paravirt/full")["full"]
    assert ET.fromstring(xml).findtext("memory") == str(352 * MIB)  # noqa: S314
    assert mark_of(xml).guest.memory == 352 * MIB
    with pytest.raises(errors.LabFileError, match="64 MiB is too little for full"):
        documents("demo-paravirt/full", sets=("full.memory=64MiB",))


def test_flags_show() -> None:
    (xml,) = documents("demo-paravirt/full", accel="kvm", sets=("full.memory=512MiB",)).values()
    root, mark = ET.fromstring(xml), mark_of(xml)  # noqa: S314
    assert (root.get("type"), root.findtext("memory")) == ("kvm", str(512 << 20))
    assert mark.origin.choices == metadata.Choices("kvm", ("full.memory=512MiB",))
    assert mark_of(documents("demo-paravirt/full", accel="tcg")["full"]).accel_why == "--accel tcg was given"


def test_a_guest_that_the_lab_does_not_have() -> None:
    with pytest.raises(errors.InputError, match="demo-paravirt has no guest 'nobody'") as caught:
        documents("demo-paravirt/nobody")
    assert caught.value.hint == "its guests: full, virtio, vmware"
    with pytest.raises(errors.InputError):
        documents("no-such-lab/full")


def test_a_path_is_a_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "labs" / "full"
    folder.mkdir(parents=True)
    (folder / "lab.yaml").write_text("virtlab: 1\nname: full\nguests: {a: {profile: virtio}}\n")
    monkeypatch.chdir(tmp_path)
    assert preview.split_target("labs/full") == ("labs/full", None)
    assert preview.split_target("labs/full/a") == ("labs/full", "a")
    assert preview.split_target("labs/full/lab.yaml") == ("labs/full/lab.yaml", None)
    assert preview.split_target("demo-paravirt") == ("demo-paravirt", None)
    assert list(documents("labs/full/a")) == ["a"]
