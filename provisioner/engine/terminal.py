"""A guest's console in the user's terminal."""

from __future__ import annotations

from collections.abc import Callable

from provisioner import errors
from provisioner.engine import reach
from provisioner.engine.session import Session
from provisioner.guest import console
from provisioner.hypervisor import apply
from provisioner.hypervisor.streams import open_console
from provisioner.lab.enums import AgentPort
from provisioner.seen import SeenDomain

_CONSOLE = "/dev/ttyS0"
_RESIZE_TIMEOUT = 5.0


def sit_at_console(session: Session, domain: SeenDomain, *, say: Callable[[str], None]) -> None:
    """Joins the terminal with a guest's first serial port. Raises Busy where somebody else has it."""
    label = f"{domain.instance.name}/{domain.guest}"
    if not domain.is_active:
        raise errors.GuestError(f"{label} is {domain.state}", hint=f"{{virtlab}} start {label}")
    dom = apply.domain(session.conn, domain.name)
    way = None if domain.stamp.definition["agent"] == AgentPort.NONE else reach.transport(session, domain)

    def resize(rows: int, columns: int) -> None:
        if way is not None:
            way.run(
                ["stty", "-F", _CONSOLE, "rows", str(rows), "cols", str(columns)], timeout=_RESIZE_TIMEOUT
            )

    console.interact(
        lambda data, end: open_console(dom, "serial0", label=label, on_data=data, on_end=end),
        label=label,
        say=say,
        resize=resize,
    )
