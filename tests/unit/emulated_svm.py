"""Labs whose machines inside lean on the processor's support for virtualization, which QEMU then emulates."""

# Where there is no KVM, one such machine in some twenty hangs, and may take its host with it (docs/hosts.md).
LABS = frozenset({"demo-kvm", "demo-hyperv", "demo-consolidation", "demo-xen"})
