"""Says which interface a device has: that of hardware that exists, or one made for guests."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.model.facts import Device
from provisioner.model.hardware import disk_buses, network_cards
from provisioner.model.hardware.interfaces import EMULATED

# Devices that a lab can ask for, by their PCI ids.
_BY_PCI = {ident: model for model in (*disk_buses.MODELS, *network_cards.MODELS) for ident in model.pci}
# PCI devices that no factory made, and no lab asks for. Those of vendor 1b36 imitate generic hardware, and
# are not among them.
_VMWARE_VMCI = "15ad:0740"
_XEN_VENDOR = "5853"
_OF_BUS = {"virtio": "virtio", "xen": "xen", "vmbus": "hyperv"}

# Device numbers of the virtio specification; a PCI device has 0x1040 and its number, or an older one.
_VIRTIO = {
    1: "net",
    2: "block",
    3: "console",
    4: "rng",
    5: "balloon",
    8: "scsi",
    9: "9p",
    16: "gpu",
    18: "input",
    19: "vsock",
    20: "crypto",
    26: "fs",
}
_VIRTIO_OLD = {0x1000: 1, 0x1001: 2, 0x1002: 5, 0x1003: 3, 0x1004: 8, 0x1005: 4, 0x1009: 9}
_VMBUS = {
    "f8615163df3e46c5913ff2d2f965ed0e": "net",
    "d96361baa104294db60572e2ffb1dc7f": "scsi",
    "dc7450183889254e8dbb0d5f7aa87a29": "balloon",
}
_XEN = {"vbd": "block", "vif": "net", "console": "console"}

CLOCKS = {
    "kvm-clock": "kvm",
    "xen": "xen",
    "hyperv_clocksource_tsc_page": "hyperv",
    "hyperv_clocksource_msr": "hyperv",
}
_MODULES = (
    "virtio",
    "vmw_",
    "vmxnet",
    "vmwgfx",
    "xen_",
    "xen-",
    "hv_",
    "hyperv",
    "hid_hyperv",
    "pci_hyperv",
)


def pci_interface(ident: str) -> str:
    """The interface of a PCI device, from its ``vendor:device`` in lower-case hex."""
    if model := _BY_PCI.get(ident):
        return model.interface
    vendor, _, device = ident.partition(":")
    if vendor == "1af4" and "1000" <= device <= "107f":
        return "virtio"
    if ident == _VMWARE_VMCI:
        return "vmware"
    return "xen" if vendor == _XEN_VENDOR else EMULATED


def bus_interface(bus: str) -> str:
    """The interface of everything on a bus that is not PCI."""
    return _OF_BUS.get(bus, EMULATED)


def virtio_kind(number: int) -> str:
    """The virtio specification's name for a device of that number."""
    return _VIRTIO.get(number, str(number))


def vmbus_kind(guid: str) -> str:
    """The kind of a device on Hyper-V's bus, by the GUID of its class without dashes; or else the GUID
    itself."""
    return _VMBUS.get(guid, guid)


def kind(device: Device) -> str:
    """The kind of a paravirtual device: ``block``, ``net``, ``console``, …. Empty where it is not known."""
    if device.bus == "xen":
        return _XEN.get(device.ident, device.ident)
    if device.bus != "pci":
        return device.ident if device.bus in _OF_BUS else ""
    if model := _BY_PCI.get(device.ident):
        return model.kind
    vendor, _, number = device.ident.partition(":")
    if vendor == "1af4" and device.interface == "virtio":
        code = int(number, 16)
        return virtio_kind(_VIRTIO_OLD.get(code, code - 0x1040))
    return ""


def of_kind(devices: Sequence[Device], wanted: str) -> list[Device]:
    """The paravirtual devices of a kind. Those to which a driver is bound directly come first."""
    of_that_kind = [device for device in devices if kind(device) == wanted]
    return sorted(of_that_kind, key=lambda device: device.bus == "pci")


def drives_paravirtual(module: str) -> bool:
    """Whether a kernel module of that name drives paravirtual devices."""
    return module.startswith(_MODULES)
