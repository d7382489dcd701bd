"""A domain of libvirt, and what can be done to it.

Nothing here checks whether a domain is virtlab's. ``Connection`` does, before it removes or replaces one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libvirt

from provisioner import errors
from provisioner.hypervisor import remedies
from provisioner.hypervisor.calls import within
from provisioner.hypervisor.failures import code_of, translate, translated
from provisioner.language import msg
from provisioner.model import naming

if TYPE_CHECKING:
    from provisioner.hypervisor.binding import RawDomain

GONE = (libvirt.VIR_ERR_NO_DOMAIN,)
_NOT_RUNNING = (*GONE, libvirt.VIR_ERR_OPERATION_INVALID)
_ELEMENT, _LIVE = libvirt.VIR_DOMAIN_METADATA_ELEMENT, libvirt.VIR_DOMAIN_AFFECT_LIVE
# beside the metadata that proves whose it is, which is in an element of its own (reader.py)
_ANSWERED_URI, _ANSWERED_KEY = f"{naming.METADATA_URI}:answered", f"{naming.METADATA_KEY}-answered"
_PRESS_SECONDS = 3.0  # QEMU answers within milliseconds
_UNDEFINE = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
)


class Domain:
    """One domain. Its methods raise HypervisorError, or NotFound where it is gone.

    ``handle`` is libvirt's own object, for the modules of this package alone.
    """

    __slots__ = ("handle", "name")

    def __init__(self, handle: RawDomain) -> None:
        self.handle = handle
        self.name: str = handle.name()

    def is_active(self) -> bool:
        """Whether it runs or is paused."""
        with translated(msg("can't look at {name}", name=self.name)):
            return bool(self.handle.isActive())

    def definition(self) -> str:
        """The XML with which it will start or, where it is no longer defined, the XML with which it runs."""
        with translated(msg("can't read the definition of {name}", name=self.name)):
            return self.handle.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)

    def interfaces(self) -> dict[str, str]:
        """The host's interface of each network card that has one, by the card's MAC address. Empty where it
        does not run."""
        import xml.etree.ElementTree as ET

        with translated(msg("can't read what {name} runs with", name=self.name)):
            root = ET.fromstring(self.handle.XMLDesc())  # noqa: S314 - libvirt's own output
        cards = ((card.find("mac"), card.find("target")) for card in root.iterfind("devices/interface"))
        return {
            mac.get("address", ""): target.get("dev", "")
            for mac, target in cards
            if mac is not None and target is not None
        }

    def start_paused(self) -> None:
        """Starts it with its processors stopped, so that its console can be attached to first."""
        with translated(doing := msg("QEMU does not start {name}", name=self.name)):
            try:
                self.handle.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
            except libvirt.libvirtError as error:
                failure = translate(error, doing)
                if isinstance(failure, errors.ConnectionFailed) and self.handle.connect().isAlive():
                    # not our line is broken, but one of the daemon's own: to virtlogd, which takes QEMU's log
                    failure.hint = remedies.start_log_daemon()
                raise failure from error

    def resume(self) -> None:
        """Lets it run, which was paused."""
        with translated(msg("can't resume {name}", name=self.name)):
            self.handle.resume()

    def pause(self) -> bool:
        """Stops its processors. False where they were stopped already, or it is not running."""
        with translated(msg("can't pause {name}", name=self.name)):
            try:
                if self.handle.state()[0] not in (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_BLOCKED):
                    return False
                self.handle.suspend()
            except libvirt.libvirtError as error:
                if code_of(error) in _NOT_RUNNING:
                    return False
                raise
        return True

    def unpause(self) -> None:
        """Resumes it where it is paused. One that is not paused, or is gone, stays as it is."""
        with translated(msg("can't let {name} go on", name=self.name)):
            try:
                if self.handle.state()[0] == libvirt.VIR_DOMAIN_PAUSED:
                    self.handle.resume()
            except libvirt.libvirtError as error:
                if code_of(error) not in _NOT_RUNNING:
                    raise

    def note_answered(self) -> None:
        """Writes down that its guest has come up, until it stops: in what it runs with, and nowhere else."""
        with translated(msg("can't mark {name}", name=self.name)):
            self.handle.setMetadata(_ELEMENT, "<answered/>", _ANSWERED_KEY, _ANSWERED_URI, _LIVE)

    def has_answered(self) -> bool:
        """Whether its guest came up since its start, as far as ``note_answered`` was told of it."""
        with translated(msg("can't look at {name}", name=self.name)):
            try:
                return bool(self.handle.metadata(_ELEMENT, _ANSWERED_URI, _LIVE))
            except libvirt.libvirtError as error:
                if code_of(error) in (libvirt.VIR_ERR_NO_DOMAIN_METADATA, *_NOT_RUNNING):
                    return False
                raise

    def press_power_button(self) -> None:
        """Asks the guest's system to shut down, as the button of a machine does.

        One that is not running, or is gone, stays as it is. Raises Busy where its QEMU is stopped or stuck.
        """
        try:
            within(self.handle, _PRESS_SECONDS).shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN)
        except libvirt.libvirtError as error:
            if code_of(error) not in _NOT_RUNNING:
                raise translate(
                    error, msg("can't press the power button of {name}", name=self.name)
                ) from error

    def destroy(self) -> None:
        """Ends it at once, as a pulled plug does. One that is not running, or is gone, stays as it is."""
        try:
            self.handle.destroy()
        except libvirt.libvirtError as error:
            if code_of(error) not in _NOT_RUNNING:
                raise translate(error, msg("can't end {name}", name=self.name)) from error

    def undefine(self) -> None:
        """Removes its definition, and what libvirt keeps with it. Does nothing where it is gone already."""
        try:
            self.handle.undefineFlags(_UNDEFINE)
        except libvirt.libvirtError as error:
            if code_of(error) not in GONE:
                raise translate(error, msg("can't undefine {name}", name=self.name)) from error
