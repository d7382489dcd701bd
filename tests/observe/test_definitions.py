"""What differs between definitions, and that each difference has its sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.errors import LabFileError
from provisioner.labfile.lesson import Note
from provisioner.language import Text
from provisioner.observe.definitions import general_notes
from provisioner.observe.xml_comparison import Difference, differences, fits, label, places

# as libvirt 9.0 keeps the two guests of demo-paravirt
KEPT = Path(__file__).parent / "definitions"
RENDERED = Path(__file__).parents[1] / "render" / "golden"
NOTES = general_notes()


def read(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8")


def demo(how: str) -> dict[str, str]:
    """Both guests: as libvirt keeps them, or as they are rendered for an accelerator and a connection."""
    if how == "kept":
        return {guest: read(KEPT, f"{guest}.xml") for guest in ("full", "virtio")}
    return {guest: read(RENDERED / "demo-paravirt", f"{guest}.{how}.xml") for guest in ("full", "virtio")}


def by_place(found: list[Difference]) -> dict[str, tuple[str | None, ...]]:
    return {difference.at: tuple(difference.values.values()) for difference in found}


def test_the_two_guests_differ_in_their_devices_and_what_follows_from_them() -> None:
    assert by_place(differences(demo("kept"), NOTES)) == {
        "devices/disk[1]/target@bus": ("ide", "virtio"),
        "devices/controller[virtio-serial]": (None, ""),
        "devices/controller[ide]": ("", None),
        "devices/interface[1]/model@type": ("e1000", "virtio"),
        "devices/serial[1]": ("isa-serial", None),
        "devices/console[virtio]": (None, ""),
        "devices/channel[org.qemu.guest_agent.0]": (None, ""),
        "devices/memballoon@model": ("none", "virtio"),
        "devices/rng": (None, "model=virtio"),
        "clock/timer[kvmclock]": ("present=no", None),
        "os/cmdline[8250.nr_uarts]@text": ("2", "1"),
        "os/cmdline[virtlab.agent]@text": ("serial", "virtio"),
    }


@pytest.mark.parametrize("how", ["kept", "kvm.session", "kvm.system", "tcg.session", "tcg.system"])
def test_each_difference_of_the_demo_is_explained_in_both_languages(how: str) -> None:
    found = differences(demo(how), NOTES)
    assert found
    for difference in found:
        assert difference.note, difference.at
        assert difference.note.en.endswith("."), difference.at
        assert difference.note.ja, difference.at
        assert difference.note.ja.endswith("。"), difference.at


@pytest.mark.parametrize("pair", [("ide-and-more", "uefi"), ("scsi", "named"), ("host-model", "bare")])
def test_every_device_that_a_lab_can_have_is_explained(pair: tuple[str, str]) -> None:
    documents = {name: read(RENDERED / "everything", f"{name}.kvm.system.xml") for name in pair}
    unexplained = [d.at for d in differences(documents, NOTES) if d.note is None]
    assert not unexplained


@pytest.mark.parametrize("version", ["11.3", "12.8"])
def test_each_difference_that_newer_libvirts_make_has_a_text_of_its_own(version: str) -> None:
    """One guest of each kind of hardware in the labs, as these versions of libvirt keep it."""
    documents = {
        file.stem: file.read_text(encoding="utf-8") for file in (KEPT / f"libvirt-{version}").iterdir()
    }
    pc, q35 = "demo-paravirt.virtio", "demo-kvm.host"
    pairs = [{base: documents[base], name: xml} for base in (pc, q35) for name, xml in documents.items()]
    found = [difference for pair in pairs for difference in differences(pair, NOTES)]
    own = {note.text for note in NOTES if note.at not in ("devices/*", "devices/controller")}
    unexplained = {difference.at for difference in found if difference.note not in own}
    assert not unexplained
    assert "devices/watchdog" in {difference.at for difference in found}


def test_a_definition_does_not_differ_from_itself() -> None:
    text = demo("kept")["virtio"]
    other = text.replace("52:54:00", "52:54:11").replace("/pool/", "/elsewhere/").replace("<name>", "<name>x")
    assert differences({"one": text, "other": other}, NOTES) == []


def test_devices_are_compared_with_their_like_wherever_they_stand() -> None:
    disk, rng, serial = "<disk><target bus='{}'/></disk>", "<rng model='virtio'/>", "<serial/>"
    around = "<domain type='qemu'><devices>{}</devices></domain>"
    before = around.format(serial + disk.format("ide") + rng)
    after = around.format(rng + disk.format("sata") + serial)
    assert by_place(differences({"a": before, "b": after}, [])) == {
        "devices/disk[1]/target@bus": ("ide", "sata")
    }


def test_an_element_that_one_guest_lacks_is_one_difference() -> None:
    two = "<domain><devices><disk><driver cache='none'/><target bus='ide'/></disk></devices></domain>"
    none = "<domain><devices/></domain>"
    three = differences({"a": two, "b": none, "c": two.replace("none", "unsafe")}, [])
    assert by_place(three) == {"devices/disk[1]": ("ide", None, "ide")}


def test_a_domain_says_who_runs_it_first() -> None:
    documents = {"a": demo("tcg.system")["full"], "b": demo("kvm.system")["virtio"]}
    first = differences(documents, NOTES)[0]
    assert (first.at, first.label, tuple(first.values.values())) == ("@type", "domain: type", ("qemu", "kvm"))
    assert first.note
    assert "TCG" in first.note.en


def test_the_first_note_that_fits_is_told() -> None:
    own = Note("devices/disk/target@bus", Text("The lab's own."))
    found = {d.at: d.note for d in differences(demo("kept"), [own, *NOTES])}
    assert found["devices/disk[1]/target@bus"] == own.text
    assert found["devices/rng"] != own.text


def test_a_note_on_a_value_fits_only_where_a_guest_has_it() -> None:
    notes = [
        Note("devices/disk/target@bus=sata", Text("Sata.")),
        Note("devices/disk/target@bus", Text("Any.")),
    ]
    found = {d.at: d.note for d in differences(demo("kept"), notes)}
    assert found["devices/disk[1]/target@bus"] == Text("Any.")


@pytest.mark.parametrize(
    ("pattern", "at", "expected"),
    [
        ("devices/disk", "devices/disk[2]", True),
        ("devices/disk", "devices/disk[2]/driver@cache", True),
        ("devices/disk", "devices/diskette", False),
        ("devices/disk[1]", "devices/disk[2]", False),
        ("devices/disk/driver@cache", "devices/disk[1]/driver@type", False),
        ("devices/disk@type", "devices/disk[1]/driver@type", False),
        ("devices/controller[ide*]", "devices/controller[ide 1]", True),
        ("devices/controller[ide*]", "devices/controller[virtio-serial]", False),
        ("devices/channel[org.qemu.guest_agent.0]", "devices/channel[org.qemu.guest_agent.0]", True),
        ("devices/channel[a/b@c]", "devices/channel[a/b@c]", True),
        ("devices/*", "devices/rng", True),
        ("devices/*", "clock/timer[hpet]", False),
        ("@type", "@type", True),
        ("@type", "os/type@type", False),
    ],
)
def test_patterns(pattern: str, at: str, expected: bool) -> None:
    assert fits(pattern, at) is expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("devices/disk[1]/target@bus", "disk 1: target bus"),
        ("devices/rng", "rng"),
        ("devices/channel[org.qemu.guest_agent.0]", "channel org.qemu.guest_agent.0"),
        ("clock/timer[kvmclock]", "clock: timer kvmclock"),
        ("os/cmdline[quiet]@text", "os: cmdline quiet"),
        ("vcpu@text", "vcpu"),
        ("@type", "domain: type"),
    ],
)
def test_labels(at: str, expected: str) -> None:
    assert label(at) == expected


def test_what_every_guest_has_of_its_own_is_left_out() -> None:
    placed = places(demo("kept")["virtio"])
    assert "devices/disk[1]/target@bus" in placed
    assert not [at for at in placed if at.startswith(("name", "uuid", "metadata", "os/kernel"))]
    assert not [at for at in placed if "/mac" in at or "/address" in at or "virtlab.if" in at]
    assert not [value for value in placed.values() if "/pool/" in value or "52:54:00" in value]


@pytest.mark.parametrize("text", ["", "no XML", "<network/>", "<domain>"])
def test_what_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a domain definition"):
        differences({"a": text}, [])


def test_notes_with_a_mistake_are_told_with_their_place(tmp_path: Path) -> None:
    file = tmp_path / "domain.yaml"
    file.write_text("- at: devices/disk\n  txt: what it is\n")
    with pytest.raises(LabFileError) as caught:
        general_notes(file)
    assert any(f"{file}:2:3: " in line and "txt" in line for line in caught.value.problems)


def test_no_note_is_out_of_reach() -> None:
    """A note below one that is more general would never be told."""
    for index, note in enumerate(NOTES):
        place, _, value = note.at.partition("=")
        hidden = [n.at for n in NOTES[:index] if "=" not in n.at and fits(n.at, place)]
        assert not hidden or value, (note.at, hidden)
