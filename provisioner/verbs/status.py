"""``status``: this user's instances that are up, as libvirt shows them. Guests are only asked on request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner import errors
from provisioner.backends.session import Session, everywhere
from provisioner.language import msg
from provisioner.model.naming import Instance
from provisioner.model.observed import Observed

if TYPE_CHECKING:
    from provisioner.observe.answering import Answer
    from provisioner.observe.usage import Usage


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """One instance that is up."""

    instance: Instance
    uri: str  # of the connection that it is on
    observed: Observed  # what is there of it, and of no other
    pool_folder: str  # where its disks are
    lost_networks: Sequence[str]  # see Observed.lost_networks; none where networks are user-mode ones
    stopped: Mapping[str, str]  # of domains whose QEMU a signal stopped: what lets it go on, by their name
    usage: Mapping[str, Usage]  # what domains cost, by their name; empty where nobody watched
    answers: Mapping[str, Answer] | None  # of guests, by LAB/GUEST; None where nobody asked


def status(
    names: Sequence[str],
    connect: str | None,
    tell: Callable[[str], None],
    *,
    watch_seconds: float | None = None,
    ask: bool = False,
) -> list[InstanceStatus]:
    """The instances of those names, or all of them. With ``watch_seconds`` it is measured for so long what
    each guest costs the host. With ``ask`` the guests that run are asked whether they still answer, and those
    inside others whether they run.

    ``tell`` hears of a connection that can't be reached, and of what only looks like virtlab's. Raises
    NotFound where an instance that is named is not up, and HypervisorError where no libvirt can be asked.
    """
    with everywhere(connect, with_events=ask, tell=tell) as sessions:
        looks = [(session, session.look()) for session in sessions]
        for session in sessions:
            try:
                session.pool()
            except errors.PoolAway as error:
                tell(
                    msg("disks are not looked at: {message}; {hint}", message=error.message, hint=error.hint)
                )
        for _, observed in looks:
            for doubtful in observed.doubtful:
                tell(doubtful.told)
        usage: Mapping[str, Usage] = {}
        if watch_seconds is not None:
            from provisioner.observe.usage import watch

            usage = watch(looks, watch_seconds)
        present = [
            _status(session, instance, observed.of(instance), usage, ask=ask and _is_meant(instance, names))
            for session, observed in looks
            for instance in observed.instances()
        ]
    up = sorted({each.instance.name for each in present})
    if unknown := sorted(set(names) - set(up)):
        names = msg("what is up: {names}", names=", ".join(up))
        raise errors.NotFound(
            msg("no lab {name} of yours is up", name=", ".join(map(repr, unknown))),
            hint=names if up else msg("nothing is up: {virtlab} up LAB"),
        )
    return [each for each in present if _is_meant(each.instance, names)]


def _is_meant(instance: Instance, names: Sequence[str]) -> bool:
    return not names or instance.name in names


def _status(
    session: Session, instance: Instance, observed: Observed, usage: Mapping[str, Usage], *, ask: bool
) -> InstanceStatus:
    lost = [] if session.is_session else observed.lost_networks()
    active = [domain.name for domain in observed.domains if domain.is_active]
    stopped = {name: session.let_go_on(pid) for name, pid in session.host.stopped_qemus(active).items()}
    answers: Mapping[str, Answer] | None = None
    if ask:
        from provisioner.observe import answering

        answers = answering.ask(session, observed.domains)
    return InstanceStatus(
        instance, session.choice.uri, observed, session.pool_folder, lost, stopped, usage, answers
    )
