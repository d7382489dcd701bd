"""Guests inside guests, which are started, stopped and asked about through the guest that hosts them."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial

from provisioner import errors, side_by_side
from provisioner.backends import transports
from provisioner.backends.prompts import prompt_of
from provisioner.backends.session import Session
from provisioner.language import first_line, msg
from provisioner.listener import Listener
from provisioner.model import enums, plan
from provisioner.model.lab import Guest, Lab
from provisioner.model.naming import Instance
from provisioner.model.observed import Member, ObservedInner
from provisioner.transport import causes, parent
from provisioner.transport.executor import Transport
from provisioner.transport.parent import ParentTransport
from provisioner.units import format_seconds

_UNDO_SECONDS = 10.0
_LOOK_SECONDS = 15.0  # for a command that does nothing; on a busy host, one that takes 0.3 s has taken 5
_STOP_SECONDS = 30.0
_SHOWN_LINES = 5  # of what a guest printed that never answered
_FIRST_TRY = 0.6  # of the time that a guest may take to answer
_States = dict[str, str] | errors.VirtlabError  # of the guests inside one, or why they are not known


@dataclass(frozen=True, slots=True)
class Started:
    """What became of a guest inside another. ``seconds``: from the order to start until it answered."""

    guest: Guest
    seconds: float | None  # None: it ran already, or did not come up
    error: errors.VirtlabError | None = None
    above: Transport | None = None  # the way to its parent, where it came up

    @property
    def is_new(self) -> bool:
        """Whether it was started now."""
        return self.seconds is not None


def ensure(
    host: str,
    way: Transport,
    guests: Sequence[Guest],
    listener: Listener,
    *,
    timeout: float,
    cancelled: threading.Event | None = None,
) -> list[Started]:
    """Starts those guests inside the guest ``host`` that do not run; those of one depth at the same time.

    ``guests`` are at any depth, each after its parent. Each may take ``timeout`` seconds to answer, and is
    tried twice. What goes wrong is in the result; one whose parent did not come up is not tried. What is
    under way when this is interrupted is not waited for.
    """
    ways: dict[str, Transport] = {host: way}
    results: dict[str, Started] = {}
    waiting = list(guests)
    while now := [guest for guest in waiting if guest.parent in ways]:
        waiting = [guest for guest in waiting if guest not in now]
        known = {name: _states(ways[name], timeout) for name in {str(guest.parent) for guest in now}}

        starts = [
            partial(_ensure, guest, ways[str(guest.parent)], known[str(guest.parent)], listener, timeout)
            for guest in now
        ]
        started = side_by_side.run(starts, cancelled=cancelled, abandon=True)
        results |= {each.guest.name: each for each in started}
        for guest in now:
            if results[guest.name].error is None:
                ways[guest.name] = ParentTransport(ways[str(guest.parent)], guest.name)
    return [results[guest.name] for guest in guests if guest.name in results]


def _states(way: Transport, timeout: float) -> _States:
    try:
        return parent.states(way, min(timeout, parent.STATE_SECONDS))
    except errors.VirtlabError as error:
        return error


def _ensure(guest: Guest, above: Transport, known: _States, listener: Listener, timeout: float) -> Started:
    label = f"{above.label.partition('/')[0]}/{guest.name}"
    began = time.monotonic()
    try:
        if isinstance(known, errors.VirtlabError):
            raise known
        if known.get(guest.name) == parent.RUNNING:
            _look(guest, above, listener)
            return Started(guest, None, above=above)
        listener.phase(guest.name, msg("starting in {parent}", parent=guest.parent))
        began = time.monotonic()
        _start(guest, above, listener, timeout)
    except errors.VirtlabError as error:
        listener.failed(guest.name, first_line(error.message))
        return Started(guest, None, _told(error, label, above.label))
    seconds = time.monotonic() - began
    listener.done(
        guest.name,
        msg("ready in {parent} after {seconds}", parent=guest.parent, seconds=format_seconds(seconds)),
    )
    return Started(guest, seconds, above=above)


def _look(guest: Guest, above: Transport, listener: Listener) -> None:
    """Sees whether a guest that runs still answers. Raises Broken where it says that nobody does.

    One that is only silent is told of: a command of somebody else's may run in it, for which others wait.
    """
    if guest.transport is enums.Transport.NONE or prompt_of(guest.image) is not None:
        return  # a line that is typed at a prompt would be in the way of whoever sits there
    way = ParentTransport(above, guest.name)
    try:
        way.ping(_LOOK_SECONDS)
    except errors.TookTooLong:
        listener.note(
            msg(
                "{label} is up, and did not answer within {seconds}: a command runs in it or, "
                "if not, it is broken; then {anew}",
                label=way.label,
                seconds=format_seconds(_LOOK_SECONDS),
                anew=errors.start_anew(way.label),
            )
        )


def _start(guest: Guest, above: Transport, listener: Listener, timeout: float) -> None:
    """Starts a guest. Where it never answers, the error has what it printed."""
    try:
        _start_twice(guest, above, listener, timeout)
    except errors.NotReady as error:
        lines = parent.said(above, guest.name)
        cause = causes.of(lines)
        last = "".join(f"\n  | {line}" for line in ([cause.line] if cause else lines[-_SHOWN_LINES:]))
        raise errors.NotReady(error.message + last, hint=error.hint) from error


def _start_twice(guest: Guest, above: Transport, listener: Listener, timeout: float) -> None:
    """Starts a guest, and once more where it never answers.

    On an emulated processor, about one machine on KVM in twenty never answered, and came up at the next try
    (docs/hosts.md). A guest that is only slow has the full ``timeout`` in the second try.
    """
    first = timeout * _FIRST_TRY
    try:
        parent.start(above, guest.name, parent.definition(guest), first)
        return
    except errors.NotReady as error:
        silent = error
    listener.note(
        msg(
            "{name} did not answer within {first}: starting it once more",
            name=guest.name,
            first=format_seconds(first),
        )
    )
    try:
        parent.stop(above, guest.name, _STOP_SECONDS)
    except errors.VirtlabError:
        raise silent from None
    listener.phase(guest.name, msg("starting in {parent} once more", parent=guest.parent))
    parent.start(above, guest.name, parent.definition(guest), timeout)


def _told(error: errors.VirtlabError, label: str, host: str) -> errors.VirtlabError:
    """The error, with the guest that it is about and a hint what to do or where to look."""
    about = msg("{label} did not start in {host}: {message}", label=label, host=host, message=error.message)
    cause = causes.of(error.message.splitlines())
    if isinstance(error, errors.GuestError) and cause and cause.lacks_memory:
        return errors.LacksMemory(about, hint=causes.more_memory(label.rpartition("/")[2]))
    look = errors.of_guest(host, msg("see what it says there: {virtlab} console {host}", host=host))
    return type(error)(about, hint=error.hint or look)


def guests_inside(member: Member) -> list[Guest]:
    """The guests inside a guest as their domain's metadata has them, at any depth, a parent first."""
    members: list[Member] = [member]
    for each in member.host.members():
        if isinstance(each, ObservedInner) and each.parent in members:
            members.append(each)
    return [each.metadata.guest for each in members[1:]]


def raise_failures(started: Sequence[Started]) -> None:
    """Raises all errors that kept guests from starting."""
    errors.raise_all([one.error for one in started if one.error], msg("not all guests inside it came up"))


def stop(guest: str, label: str, above: Transport, listener: Listener, *, timeout: float) -> None:
    """Stops a guest inside another, if it runs. Raises GuestError where that fails."""
    try:
        if parent.states(above, parent.STATE_SECONDS).get(guest) != parent.RUNNING:
            listener.done(guest, msg("is stopped already"))
            return
        listener.phase(guest, msg("stopping"))
        parent.stop(above, guest, timeout)
    except errors.GuestError as error:
        raise type(error)(
            msg("{label} did not stop: {message}", label=label, message=error.message), hint=error.hint
        ) from error
    listener.done(guest, msg("stopped"))


class Inside:
    """The guests inside the guests of a lab, for one run of ``up``."""

    def __init__(
        self, session: Session, lab: Lab, instance: Instance, listener: Listener, timeout: float
    ) -> None:
        self._session = session
        self._instance = instance
        self._listener = listener
        self._timeout = timeout
        self._started: list[tuple[str, Started]] = []  # with the top-level guest that each is in
        self.follow(lab)

    def follow(self, lab: Lab) -> None:
        """Uses this version of the lab from now on. Called before any of the guests is started."""
        self._hosts = [(g, inside) for g in lab.top_level if (inside := plan.inner_guests(lab, g.name))]

    def start(self, cancelled: threading.Event) -> list[Started]:
        """Starts what does not run, at the same time in each top-level guest, all of which answer.

        Raises Cancelled soon after ``cancelled`` is set: what is under way then is not waited for.
        """
        starts = [partial(self._start, host, inside, cancelled) for host, inside in self._hosts]
        results = side_by_side.run(starts, cancelled=cancelled, abandon=True)
        return [started for result in results for started in result]

    def _start(self, host: Guest, inside: Sequence[Guest], cancelled: threading.Event) -> list[Started]:
        label = f"{self._instance.name}/{host.name}"
        try:
            way = transports.agent(self._session, self._instance.domain(host.name), host.agent, label)
        except errors.VirtlabError as error:
            return [Started(inside[0], None, error)]
        results = ensure(host.name, way, inside, self._listener, timeout=self._timeout, cancelled=cancelled)
        self._started += [(host.name, one) for one in results if one.is_new]
        return results

    def undo(self, gone: Collection[str]) -> list[errors.VirtlabError]:
        """Stops what this run started, but in the guests that are gone; returns what could not be."""
        failures: list[errors.VirtlabError] = []
        for host, one in reversed(self._started):
            if host not in gone and one.above is not None:
                label = f"{self._instance.name}/{one.guest.name}"
                try:
                    stop(one.guest.name, label, one.above, self._listener, timeout=_UNDO_SECONDS)
                except errors.VirtlabError as error:
                    failures.append(error)
        return failures
