"""virtlab: virtualization labs on libvirt, to start, look into, measure and tear down."""

__version__ = "0.1.0"
