"""The parts of Hyper-V's interface that a guest can be shown, by libvirt's names."""

from __future__ import annotations

from provisioner.labfile.value_groups import Key, Record
from provisioner.labfile.value_types import Flag, Whole
from provisioner.language import msg

HYPERV = Record(
    (
        *(
            Key(name, Flag(), doc, msg("not offered"))
            for name, doc in (
                ("relaxed", msg("No watchdog for timers that come late")),
                ("vapic", msg("Registers for the interrupt controller that take fewer exits")),
                ("vpindex", msg("Numbers by which the hypervisor knows the virtual processors")),
                ("runtime", msg("A register that tells how long a virtual processor really ran")),
                ("synic", msg("A synthetic interrupt controller, for messages of the hypervisor")),
                ("stimer", msg("Synthetic timers")),
                ("reset", msg("A register that resets the machine")),
                (
                    "frequencies",
                    msg("Registers with the frequencies of the time stamp counter and the APIC"),
                ),
                ("tlbflush", msg("A call that flushes translations on several processors")),
                ("ipi", msg("A call that interrupts several processors")),
            )
        ),
        Key(
            "spinlocks",
            Whole(4095, 2**32 - 1),
            msg("How often a guest tries for a lock before it tells the hypervisor that it waits"),
            msg("not offered"),
        ),
    )
)
CLOCK = "hypervclock"  # the reference counter and its page: a timer of the clock, in libvirt's terms
NEEDS = {
    "synic": ("vpindex",),
    "stimer": ("synic", CLOCK),
    "tlbflush": ("vpindex",),
    "ipi": ("vpindex",),
}
ONLY_KVM = (*(key.name for key in HYPERV.keys), CLOCK, "hidden")
