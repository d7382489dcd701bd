"""The kinds of guests, one file each. What is true of a kind stands in its file, and nowhere else."""

from provisioner.model.enums import GuestKind
from provisioner.model.kinds.container import CONTAINER
from provisioner.model.kinds.kind import Kind
from provisioner.model.kinds.machine import MACHINE
from provisioner.model.kinds.nested import NESTED
from provisioner.model.kinds.xen import XEN

# in the order in which messages name them
_ALL = {kind.name: kind for kind in (MACHINE, XEN, NESTED, CONTAINER)}


def of(name: GuestKind) -> Kind:
    """The entry of a kind."""
    return _ALL[name]


def hosted() -> tuple[Kind, ...]:
    """The kinds of guests that another guest runs."""
    return tuple(kind for kind in _ALL.values() if not kind.is_top_level)
