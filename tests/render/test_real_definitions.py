"""What real libvirt and real QEMU say to the rendered XML."""

from __future__ import annotations

import dataclasses
import struct
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import libvirt
import pytest
from lxml import etree
from rendered import LABS, domains, load_lab, networks, origin_of

from provisioner import render
from provisioner.hypervisor.connection import Connection
from provisioner.hypervisor.host_facts import machine_offers
from provisioner.model.enums import Accel
from provisioner.model.lab import Guest, Lab
from provisioner.model.metadata import Origin

pytestmark = pytest.mark.real
UNDEFINE = libvirt.VIR_DOMAIN_UNDEFINE_NVRAM


@pytest.fixture(scope="module")
def conn() -> Iterator[libvirt.virConnect]:
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    try:
        opened = libvirt.open("qemu:///system")
    except libvirt.libvirtError as error:
        pytest.skip(f"qemu:///system can't be used: {error.get_error_message()}")
    yield opened
    opened.close()


def own_origin(lab: Lab) -> Origin:
    """An origin whose names nobody else has."""
    return origin_of(lab, user=f"test-{uuid.uuid4().hex[:8]}")


def disks_of(xml: str) -> set[tuple[str | None, ...]]:
    """Name, bus, file and SCSI address of each disk, as far as the XML gives them."""
    found = set()
    for disk in etree.fromstring(xml).findall("devices/disk"):
        target, source, address = disk.find("target"), disk.find("source"), disk.find("address")
        assert target is not None
        assert source is not None
        place = address if address is not None and target.get("bus") == "scsi" else etree.Element("none")
        names = ("controller", "bus", "target", "unit")
        at = tuple(place.get(name) for name in names)
        found.add((target.get("dev"), target.get("bus"), source.get("file"), *at))
    return found


def takeable(conn: libvirt.virConnect, lab: Lab) -> Lab:
    """The lab, without the guests that have disks on a bus that this libvirt and QEMU lack."""

    def has_all(guest: Guest) -> bool:
        if guest.parent or not guest.disks:
            return True
        return {disk.bus for disk in guest.disks} <= set(
            machine_offers(Connection(conn), guest.machine).disk_buses
        )

    return dataclasses.replace(lab, guests=tuple(guest for guest in lab.guests if has_all(guest)))


def offers_kvm(conn: libvirt.virConnect) -> bool:
    found = etree.fromstring(conn.getCapabilities()).find("guest/arch[@name='x86_64']/domain[@type='kvm']")
    return found is not None


@pytest.mark.parametrize("session", [False, True], ids=["system", "session"])
@pytest.mark.parametrize("accel", ["tcg", "kvm"])
@pytest.mark.parametrize("name", LABS)
def test_libvirt_takes_the_domains(conn: libvirt.virConnect, name: str, accel: str, session: bool) -> None:
    if accel == "kvm" and not offers_kvm(conn):
        pytest.skip("libvirt does not offer KVM here")
    lab = takeable(conn, load_lab(LABS[name]))
    for xml in domains(lab, own_origin(lab), accel=accel, session=session).values():
        dom = conn.defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
        try:
            assert disks_of(dom.XMLDesc()) == disks_of(xml)
        finally:
            dom.undefineFlags(UNDEFINE)


@pytest.mark.parametrize("name", LABS)
def test_libvirt_takes_the_networks(conn: libvirt.virConnect, name: str) -> None:
    lab = load_lab(LABS[name])
    for xml in networks(lab, own_origin(lab)).values():
        net = conn.networkDefineXMLFlags(xml, libvirt.VIR_NETWORK_DEFINE_VALIDATE)
        net.undefine()


@dataclass(frozen=True)
class Store:
    """A storage pool of the test's own, with what stands for a kernel in it."""

    pool: libvirt.virStoragePool
    path: Path

    @property
    def boot(self) -> render.BootFiles:
        return render.BootFiles(str(self.path / "kernel"), str(self.path / "initrd"))


@pytest.fixture(scope="module")
def store(conn: libvirt.virConnect) -> Iterator[Store]:
    name = f"virtlab-test-{uuid.uuid4().hex[:8]}"
    path = Path("/var/lib/libvirt/images") / name
    pool = conn.storagePoolDefineXML(render.pool_xml(str(path)).replace(">virtlab<", f">{name}<"))
    try:
        pool.build()
        pool.create()
        for part, content in (("kernel", never_run_kernel()), ("initrd", b"\0" * 4096)):
            volume = pool.createXML(render.volume_xml(part, len(content), fmt="raw"))
            stream = conn.newStream()
            volume.upload(stream, 0, len(content))
            stream.send(content)
            stream.finish()
        yield Store(pool, path)
    finally:
        with suppress(libvirt.libvirtError):
            for volume in pool.listAllVolumes():
                volume.delete()
            pool.destroy()
            pool.delete()
        pool.undefine()


def never_run_kernel() -> bytes:
    """A header that QEMU takes for a Linux kernel's (boot protocol 2.12): the domains stay paused."""
    image = bytearray(8192)
    image[0x1F1] = 1
    struct.pack_into("<4sH", image, 0x202, b"HdrS", 0x20C)
    image[0x211] = 1
    struct.pack_into("<I", image, 0x22C, 0x7FFFFFFF)
    return bytes(image)


def start_each(conn: libvirt.virConnect, store: Store, lab: Lab) -> None:
    """Starts each guest of a lab paused, and ends it: QEMU has made all of its devices by then.

    All are emulated; those that ask for KVM are left out.
    """
    origin = own_origin(lab)
    xmls = domains(lab, origin, accel="tcg", session=True, pool=str(store.path), boot=store.boot)
    for guest, xml in xmls.items():
        if lab.guest(guest).accel is Accel.KVM:
            continue
        volumes = [
            store.pool.createXML(render.volume_xml(origin.key.volume(guest, i), disk.size, fmt="qcow2"))
            for i, disk in enumerate(lab.guest(guest).disks)
        ]
        dom = conn.defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
        try:
            dom.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
            assert dom.state()[0] == libvirt.VIR_DOMAIN_PAUSED
            dom.destroy()
        except libvirt.libvirtError as error:
            raise AssertionError(f"{guest}: {error.get_error_message()}") from error
        finally:
            dom.undefineFlags(UNDEFINE)
            for volume in volumes:
                volume.delete()


@pytest.mark.parametrize("name", LABS)
def test_qemu_makes_the_devices(conn: libvirt.virConnect, store: Store, name: str) -> None:
    start_each(conn, store, takeable(conn, load_lab(LABS[name])))


@pytest.mark.parametrize(
    ("disk", "count"),
    [
        ("{bus: ide}", 4),
        ("{bus: sata}", 8),
        ("{bus: virtio}", 8),
        ("{bus: nvme}", 8),
        ("{bus: scsi, controller: virtio-scsi}", 8),
        ("{bus: scsi, controller: lsilogic}", 8),
        ("{bus: scsi, controller: lsisas1068}", 8),
        ("{bus: scsi, controller: vmpvscsi}", 8),
    ],
)
def test_qemu_takes_as_many_disks_as_a_lab_may_have(
    conn: libvirt.virConnect, store: Store, tmp_path: Path, disk: str, count: int
) -> None:
    file = tmp_path / "lab.yaml"
    disks = f"[{', '.join([disk] * count)}]"
    file.write_text(f"virtlab: 1\nname: many\nguests:\n  a: {{profile: emulated, disks: {disks}}}\n")
    lab = load_lab(file)
    if takeable(conn, lab).guests != lab.guests:
        pytest.skip(f"libvirt here has no disks such as {disk}")
    start_each(conn, store, lab)
