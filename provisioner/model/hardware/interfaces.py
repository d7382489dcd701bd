"""The interface that a device or a driver speaks: hardware that exists, imitated, or one made for guests."""

EMULATED = "emulated"
PARAVIRTUAL = ("virtio", "vmware", "xen", "hyperv", "kvm")
