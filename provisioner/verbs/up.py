"""``up`` makes a running instance of a lab file, and ``plan`` says what that would take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from provisioner.backends.session import opened
from provisioner.cancellation import Cancellation
from provisioner.host import lock
from provisioner.hypervisor import uris
from provisioner.language import msg
from provisioner.lifecycle import execution, free_ranges, preparation
from provisioner.lifecycle.execution import Result
from provisioner.lifecycle.preparation import Prepared
from provisioner.lifecycle.request import Request, locate
from provisioner.listener import Listener
from provisioner.model.plan import Plan, renamed
from provisioner.verbs.questions import Ask, require_consent

__all__ = ["Planned", "Request", "plan", "up"]


@dataclass(frozen=True, slots=True)
class Planned:
    """What ``up`` would do, and where."""

    prepared: Prepared
    uri: str  # of the connection
    uri_reason: str  # why that connection was taken


def plan(request: Request, connect: str | None) -> Planned:
    """What ``up`` would do. Changes nothing.

    Raises InputError where the lab or the request is wrong, ConflictError where something is in the way,
    and HypervisorError where libvirt can't be asked, or where no range of addresses is free.
    """
    with opened(uris.choose(connect)) as session:
        prepared = preparation.prepare(session, request, locate(session, request))
        free_ranges.check(session, prepared.instance, prepared.plan.networks)
        return Planned(prepared, session.choice.uri, session.choice.why)


def up(
    request: Request,
    connect: str | None,
    listener: Listener,
    *,
    ask: Ask,
    show_changes: Callable[[Plan], None],
    cancelled: Cancellation | None = None,
) -> Result:
    """Brings a lab up, or makes it again what its file says, and waits until its guests answer.

    Where something of the instance exists already, ``show_changes`` gets the plan before anything is changed.
    Where something would be lost, ``ask`` is called. Setting ``cancelled`` ends the run: what it made is
    taken back, and Cancelled is raised. Raises what ``plan`` raises, Declined where the person does not
    agree, and GuestError where a guest does not come up.
    """
    choice, patience = uris.choose(connect), request.timeout
    with opened(choice, with_events=True, patience=patience, cancelled=cancelled) as session:
        target = locate(session, request)
        listener.note(msg("connection: {uri} ({why})", uri=session.choice.uri, why=session.choice.why))
        with lock.held(session.lock_name(target.instance.name), listener, timeout=lock.LONG):
            prepared = preparation.prepare(session, request, target)
            for name in prepared.former:
                listener.note(renamed(name, prepared.instance.name))
            if not prepared.is_new and prepared.plan.changes_something:
                show_changes(prepared.plan)
            if losses := prepared.plan.losses:
                names = ", ".join(step.name for step in losses)
                require_consent(
                    ask, msg("Go on?"), why=msg("{names}: what is lost does not come back", names=names)
                )
            return execution.execute(session, prepared, listener, cancelled or Cancellation())
