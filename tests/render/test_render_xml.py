"""What may stand in a lab file stays text; and what a reader who compares two guests sees."""

from __future__ import annotations

import dataclasses
import difflib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from rendered import (
    LABS,
    POOL,
    domains,
    guest_metadata,
    load_lab,
    metadata_of,
    networks,
    origin_of,
    ranges_of,
    without_metadata,
)

from provisioner import render
from provisioner.labfile.problems import UNSAFE_CHARACTER
from provisioner.language import Text
from provisioner.model import metadata, plan
from provisioner.model.lab import Disk, Guest, Interface, Processor

LAB = load_lab(LABS["everything"])
ORIGIN = origin_of(LAB)
HOSTILE = "</title><b a='1\" &amp; &lt; <![CDATA[x]]> {{ 7 * 7 }} {% raw %} <!-- -- ?> あ𠮷 \u00a0"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(
    lambda text: not UNSAFE_CHARACTER.search(text)
)


def xml_of(guest: Guest, session: bool = False) -> str:
    lab = dataclasses.replace(LAB, guests=(guest,))
    return domains(lab, ORIGIN, accel="tcg", session=session)[guest.name]


def shape(root: etree._Element) -> list[tuple[str, list[str]]]:
    return [(str(element.tag), [str(name) for name in element.attrib]) for element in root.iter()]


def with_text(text: str) -> Guest:
    guest = LAB.guest("scsi")
    return dataclasses.replace(
        guest,
        title=Text(text, text),
        smbios=dict.fromkeys(guest.smbios, text),
        kernel_args=(text,),
    )


@settings(deadline=None)
@given(TEXTS)
def test_no_text_breaks_out_of_the_xml(text: str) -> None:
    check_text(text)


@pytest.mark.parametrize("text", [HOSTILE, "]]>", "&", "<", '"', "'", "{{ x }}", "\U0010ffff"])
def test_no_hostile_text_breaks_out_of_the_xml(text: str) -> None:
    check_text(text)


def check_text(text: str) -> None:
    root, harmless = etree.fromstring(xml_of(with_text(text))), etree.fromstring(xml_of(with_text("x")))
    assert shape(root) == shape(harmless)
    assert root.findtext("title") == text
    assert {entry.text for entry in root.findall("sysinfo//entry")} == {text}
    assert (root.findtext("os/cmdline") or "").endswith(f" {text}")
    mark = metadata_of(xml_of(with_text(text)))
    assert isinstance(mark, metadata.GuestMetadata)
    assert mark.guest.title == Text(text, text)
    assert mark.guest.smbios["serial"] == text


def test_a_file_name_of_any_bytes_stays_in_the_metadata() -> None:
    file = bytes(range(1, 256)).decode(errors="surrogateescape") + "\ufffe\uffff]]>"
    origin = dataclasses.replace(ORIGIN, file=file)
    for xml in (
        *domains(LAB, origin, accel="tcg", session=False).values(),
        *networks(LAB, origin).values(),
    ):
        assert metadata_of(xml).origin.file == file


def test_the_metadata_is_readable() -> None:
    for xml in domains(LAB, ORIGIN, accel="tcg", session=False).values():
        (line,) = [line for line in xml.splitlines() if "virtlab:stamp" in line]
        assert '{"format":2,"kind":"guest"' in line


def test_features_and_models_with_odd_names_stay_attributes() -> None:
    guest = LAB.guest("scsi")
    odd = dataclasses.replace(
        guest.processor, model='a"><x/>', features={'b"/><y z="': "require", "<c>": "disable"}
    )
    root = etree.fromstring(xml_of(dataclasses.replace(guest, processor=odd)))
    assert root.findtext("cpu/model") == 'a"><x/>'
    assert [f.get("name") for f in root.findall("cpu/feature")] == ["<c>", 'b"/><y z="']


def test_paths_with_odd_letters_stay_paths() -> None:
    path = "/pool & <more> \"'"
    root = etree.fromstring(domains(LAB, ORIGIN, accel="tcg", session=True, pool=path)["scsi"])
    assert root.findtext("os/kernel") == f"{path}/kernel"
    assert all((s.get("file") or "").startswith(path) for s in root.findall("devices/disk/source"))
    assert etree.fromstring(render.pool_xml(path)).findtext("target/path") == path
    volume = etree.fromstring(render.volume_xml("a<b", 1, fmt="qcow2", backing=path))
    assert (volume.findtext("name"), volume.findtext("backingStore/path")) == ("a<b", path)


def test_uefi_starts_the_kernel_that_it_can() -> None:
    found = domains(LAB, ORIGIN, accel="tcg", session=True)
    kernels = {name: etree.fromstring(xml).findtext("os/kernel") for name, xml in found.items()}
    assert kernels.pop("uefi") == "/pool/kernel-efi"
    assert set(kernels.values()) == {"/pool/kernel"}


def test_interrupts_go_by_the_bios_where_acpi_is_slow() -> None:
    guest = LAB.guest("named")
    slow = {("pc", "bios"), ("pc-i440fx-7.2", "bios")}
    for machine, firmware in (*slow, ("pc", "uefi"), ("q35", "bios"), ("pc-q35-7.2", "bios")):
        changed = dataclasses.replace(guest, machine=machine, firmware=firmware)
        told = render.kernel_command_line(changed, ()).split()
        assert ("acpi=noirq" in told) == ((machine, firmware) in slow)


def test_an_emulated_processor_has_random_numbers() -> None:
    def features(model: str, accel: str, **own: str) -> dict[str, str]:
        guest = dataclasses.replace(LAB.guest("named"), processor=Processor(1, model, own))
        xml = domains(dataclasses.replace(LAB, guests=(guest,)), ORIGIN, accel=accel, session=False)["named"]
        found = etree.fromstring(xml).findall("cpu/feature")
        return {str(each.get("name")): str(each.get("policy")) for each in found}

    assert features("auto", "tcg") == {"rdrand": "require"}
    assert features("auto", "tcg", svm="disable") == {"rdrand": "require", "svm": "disable"}
    assert features("auto", "tcg", rdrand="disable") == {"rdrand": "disable"}
    assert features("auto", "kvm") == features("default", "tcg") == features("qemu64", "tcg") == {}


def test_parts_of_the_kernels_start_are_skipped() -> None:
    words = render.kernel_command_line(LAB.guest("named"), ()).split()
    (skipped,) = (word for word in words if word.startswith("initcall_blacklist="))
    assert {"trace_eval_init", "ftrace_check_for_weak_functions"} <= set(skipped.partition("=")[2].split(","))


def lines_of(accel: str, session: bool) -> tuple[list[str], list[str]]:
    lab = load_lab(LABS["demo-paravirt"])
    found = domains(lab, origin_of(lab), accel=accel, session=session)
    full, virtio = (
        [line.strip() for line in without_metadata(found[name]).splitlines()] for name in ("full", "virtio")
    )
    return full, virtio


# What the two guests of demo-paravirt are and what they have. Identity: name, UUID, title, addresses.
IDENTITY = [
    r"<name>virtlab\.learner\.demo-paravirt\.\w+</name>",
    r"<uuid>[0-9a-f-]+</uuid>",
    r"<title>.*</title>",
    r"<cmdline>.*</cmdline>",
    r'<source file="/pool/virtlab\.learner\.demo-paravirt\.\w+\.disk0\.qcow2"/>',
    r'<mac address="52:54:00:[0-9a-f:]+"/>',
]
ONLY_EMULATED = [
    '<timer name="kvmclock" present="no"/>',
    '<target dev="hda" bus="ide"/>',
    '<model type="e1000"/>',
    '<serial type="pty"><target type="isa-serial" port="1"/></serial>',  # where its agent is
    '<memballoon model="none"/>',
]
ONLY_VIRTIO = [
    '<target dev="vda" bus="virtio"/>',
    '<model type="virtio"/>',
    '<console type="pty"><target type="serial" port="0"/></console>',
    '<console type="pty"><target type="virtio" port="1"/></console>',
    '<channel type="unix"><target type="virtio" name="org.qemu.guest_agent.0"/></channel>',
    '<memballoon model="virtio"/>',
    '<rng model="virtio"><backend model="random">/dev/urandom</backend></rng>',
]


@pytest.mark.parametrize("session", [False, True], ids=["system", "session"])
@pytest.mark.parametrize("accel", ["tcg", "kvm"])
def test_a_comparison_of_the_two_guests_shows_the_lesson(accel: str, session: bool) -> None:
    changed = list(difflib.ndiff(*lines_of(accel, session)))
    told = [line for line in changed if not any(re.fullmatch(known, line[2:]) for known in IDENTITY)]
    assert [line[2:] for line in told if line.startswith("- ")] == ONLY_EMULATED
    assert [line[2:] for line in told if line.startswith("+ ")] == ONLY_VIRTIO


def test_the_kernel_is_told_no_device_and_the_same_twice() -> None:
    lab = load_lab(LABS["demo-paravirt"])
    addresses = plan.addresses(lab, ORIGIN, plan.Observed((), ()), ranges_of(lab, ORIGIN, session=True))
    told = {g.name: render.kernel_command_line(g, addresses[g.name]).split() for g in lab.guests}
    assert sorted(set(told["full"]) ^ set(told["virtio"])) == sorted(
        word
        for name, ports, agent in (("full", 2, "serial"), ("virtio", 1, "virtio"))
        for word in (
            f"8250.nr_uarts={ports}",
            f"virtlab.agent={agent}",
            f"virtlab.hostname={name}",
            f"virtlab.if={addresses[name][0].mac},{addresses[name][0].address},10.0.2.2,10.0.2.3",
        )
    )


def test_an_emulated_counters_rate_is_told_where_it_is_known() -> None:
    def told(accel: str, khz: int | None) -> list[str]:
        guest = LAB.guest("named")
        mark = guest_metadata(LAB, guest, ORIGIN, (), accel)
        files = render.BootFiles.of(lambda part: f"/pool/{part}", guest.firmware)
        xml = render.domain_xml(guest, mark, files, "/pool", session=True, counter_khz=khz)
        words = (etree.fromstring(xml).findtext("os/cmdline") or "").split()
        return [word for word in words if word.startswith("tsc_early_khz")]

    assert told("tcg", 2_596_148) == ["tsc_early_khz=2596148"]
    assert told("tcg", None) == told("kvm", 2_596_148) == []


def test_a_guest_that_hosts_others_skips_nothing() -> None:
    alone = render.kernel_command_line(LAB.guest("named"), (), 2_596_148).split()
    hosts = render.kernel_command_line(LAB.guest("named"), (), 2_596_148, hosts=True).split()
    assert set(alone) - set(hosts) == {*render.ALONE_ARGS, "tsc_early_khz=2596148"}
    assert set(hosts) <= set(alone)


def test_arguments_of_the_lab_come_last() -> None:
    line = render.kernel_command_line(LAB.guest("scsi"), ())
    assert line.endswith(" ".join(LAB.guest("scsi").kernel_args))


def places(disks: list[Disk]) -> list[tuple[str | None, ...]]:
    guest = dataclasses.replace(LAB.guest("scsi"), disks=tuple(disks))
    found = []
    for disk in etree.fromstring(xml_of(guest)).findall("devices/disk"):
        address = disk.find("address")
        names = ("controller", "target", "unit")
        at = (None,) * 3 if address is None else tuple(address.get(name) for name in names)
        target = disk.find("target")
        assert target is not None
        found.append((target.get("dev"), *at))
    return found


def disk(bus: str, controller: str | None = None) -> Disk:
    return Disk(bus, 1 << 20, "writeback", controller)


def test_disks_of_several_controllers_find_theirs() -> None:
    """The number in a disk's address is the place of its controller among all; units count on each."""
    assert places(
        [
            disk("scsi", "vmpvscsi"),
            disk("scsi", "lsilogic"),
            disk("virtio"),
            disk("scsi", "vmpvscsi"),
            disk("sata"),
            disk("scsi", "lsilogic"),
            disk("scsi", "virtio-scsi"),
            disk("scsi", "virtio-scsi"),
        ]
    ) == [
        ("sda", "0", "0", "0"),
        ("sdb", "1", "0", "0"),
        ("vda", None, None, None),
        ("sdc", "0", "1", "0"),
        ("sdd", "0", "0", "0"),
        ("sde", "1", "0", "1"),
        ("sdf", "2", "0", "0"),
        ("sdg", "2", "0", "1"),
    ]


def test_only_virtio_devices_are_told_to_be_seen_by_the_trace() -> None:
    guest = dataclasses.replace(
        LAB.guest("scsi"),
        disks=(
            disk("virtio"),
            disk("sata"),
            disk("scsi", "virtio-scsi"),
            disk("scsi", "lsilogic"),
        ),
        interfaces=tuple(Interface("wide", model) for model in ("virtio", "e1000")),
    )
    mark = guest_metadata(LAB, guest, ORIGIN, (), "tcg")
    files = render.BootFiles.of(lambda part: f"/pool/{part}", guest.firmware)
    texts = [
        render.domain_xml(guest, mark, files, "/pool", session=True, eventfd=eventfd)
        for eventfd in (True, False)
    ]
    assert "ioeventfd" not in texts[0]
    devices = etree.fromstring(texts[1]).find("devices")
    assert [
        [driver.get("ioeventfd") for driver in device.findall("driver")]
        for tag in ("disk", "controller[@type='scsi']", "interface")
        for device in devices.findall(tag)
    ] == [["off"], [None], [None], [None], ["off"], [], ["off"], []]
    without = [re.sub(r' *<driver ioeventfd="off"/>\n?| ioeventfd="off"', "", text) for text in texts]
    assert etree.canonicalize(without[1], strip_text=True) == etree.canonicalize(without[0], strip_text=True)


def test_sata_disks_fill_one_controller_before_the_next() -> None:
    assert [at[1:] for at in places([disk("sata")] * 8)] == [
        *(("0", "0", str(unit)) for unit in range(6)),
        ("1", "0", "0"),
        ("1", "0", "1"),
    ]


def test_an_isolated_network_leads_nowhere() -> None:
    found = networks(LAB, ORIGIN)
    assert etree.fromstring(found["wide"]).find("forward").get("mode") == "nat"
    assert etree.fromstring(found["inside"]).find("forward") is None


@pytest.mark.parametrize("trusted", [False, True])
def test_guests_reach_nothing_of_the_host_unless_the_lab_is_trusted(trusted: bool) -> None:
    origin = dataclasses.replace(ORIGIN, choices=metadata.Choices(trust=trusted))
    system = etree.fromstring(domains(LAB, origin, accel="tcg", session=False)["named"])
    named = [card.find("filterref") for card in system.iterfind("devices/interface")]
    assert named
    for card, name in zip(system.iterfind("devices/interface"), named, strict=True):
        network = card.find("source").get("network")
        assert (None if name is None else name.get("filter")) == (None if trusted else network)
    session = etree.fromstring(domains(LAB, origin, accel="tcg", session=True)["named"])
    cards = len(session.findall("devices/interface[@type='user']"))
    assert cards
    said = [each.get("value") for each in session.iter("{*}arg")]
    overridden = session.iter("{*}device")
    replaced = {each.get("alias"): each.find(".//{*}property").get("value") for each in overridden}
    if trusted:
        assert (said, replaced) == ([], {})
    else:
        assert said[1::2] == [f"user,id=shut{number},restrict=on" for number in range(cards)]
        assert replaced == {f"net{number}": f"shut{number}" for number in range(cards)}


def test_dhcp_names_are_unique() -> None:
    def address(number: int) -> metadata.Address:
        return metadata.Address("lab", f"52:54:00:00:00:{number:02x}", f"192.168.130.{number}/24", None)

    hosts = [("a", address(11)), ("a", address(12)), ("a-2", address(13)), ("a", address(14))]
    assert render.dhcp_hosts(hosts) == [
        ("52:54:00:00:00:0b", "a", "192.168.130.11"),
        ("52:54:00:00:00:0c", "a-3", "192.168.130.12"),
        ("52:54:00:00:00:0d", "a-2", "192.168.130.13"),
        ("52:54:00:00:00:0e", "a-4", "192.168.130.14"),
    ]


def test_guests_get_nothing_of_dhcps_range() -> None:
    root = etree.fromstring(networks(LAB, ORIGIN)["wide"])
    first = root.find("ip/dhcp/range").get("start")
    assert first.rpartition(".")[2] == "128"
    assert all(int(h.get("ip").rpartition(".")[2]) < 128 for h in root.findall("ip/dhcp/host"))


def test_volumes() -> None:
    raw = etree.fromstring(render.volume_xml("k", 10, fmt="raw"))
    assert raw.find("allocation") is None  # an upload: libvirt allocates all of it
    qcow2 = etree.fromstring(render.volume_xml("d", 1 << 30, fmt="qcow2"))
    assert (qcow2.findtext("allocation"), qcow2.findtext("capacity")) == ("0", str(1 << 30))
    assert qcow2.find("backingStore") is None
    backed = etree.fromstring(render.volume_xml("d", 1, fmt="qcow2", backing=f"{POOL}/b"))
    assert backed.find("backingStore/format").get("type") == "raw"


@pytest.mark.parametrize("name", LABS)
def test_the_metadata_says_what_was_rendered(name: str) -> None:
    lab = load_lab(LABS[name])
    origin = origin_of(lab)
    for network, xml in networks(lab, origin).items():
        said = metadata_of(xml)
        assert isinstance(said, metadata.NetworkMetadata)
        assert (said.origin, said.network.name) == (origin, network)
    for guest, xml in domains(lab, origin, accel="kvm", session=False).items():
        said = metadata_of(xml)
        assert isinstance(said, metadata.GuestMetadata)
        assert (said.origin, said.guest, said.accel) == (origin, lab.guest(guest), "kvm")
