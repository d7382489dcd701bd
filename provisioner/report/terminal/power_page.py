"""The results of ``down``, ``start`` and ``stop``, as data and as pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner.language import joined, msg

if TYPE_CHECKING:
    from provisioner.verbs.down import Down
    from provisioner.verbs.start_stop import Meant


def down_data(result: Down) -> dict[str, Any]:
    """What became of each instance, as plain data."""
    return {
        "gone": list(result.gone),
        "not_up": list(result.not_up),
        "problems": [problem.message for problem in result.problems],
    }


def down_page(result: Down) -> str:
    """A line for each instance that is gone, or was not up."""
    lines = [msg("{name}: down", name=name) for name in result.gone]
    lines += [msg("{name}: not up", name=name) for name in result.not_up]
    return joined("\n", lines or [msg("nothing is up")])


def guests_data(meant: Meant, state: str) -> list[dict[str, str]]:
    """The guests that are in that state now, as plain data."""
    return [{"instance": meant.instance, "guest": guest, "state": state} for guest in meant.guests]
