"""The parts of Hyper-V's interface that a guest can be shown, by libvirt's names."""

from __future__ import annotations

from provisioner.labfile.value_types import Flag, Key, Record, Whole

HYPERV = Record(
    (
        *(
            Key(name, Flag(), doc, "not offered")
            for name, doc in (
                ("relaxed", "No watchdog for timers that come late"),
                ("vapic", "Registers for the interrupt controller that take fewer exits"),
                ("vpindex", "Numbers by which the hypervisor knows the virtual processors"),
                ("runtime", "A register that tells how long a virtual processor really ran"),
                ("synic", "A synthetic interrupt controller, for messages of the hypervisor"),
                ("stimer", "Synthetic timers"),
                ("reset", "A register that resets the machine"),
                (
                    "frequencies",
                    "Registers with the frequencies of the time stamp counter and the APIC",
                ),
                ("tlbflush", "A call that flushes translations on several processors"),
                ("ipi", "A call that interrupts several processors"),
            )
        ),
        Key(
            "spinlocks",
            Whole(4095, 2**32 - 1),
            "How often a guest tries for a lock before it tells the hypervisor that it waits",
            "not offered",
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
