"""``down``: takes instances away, and leaves the host as it was before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provisioner import errors, side_by_side
from provisioner.backends.session import everywhere
from provisioner.cancellation import Cancellation
from provisioner.host import lock
from provisioner.language import msg
from provisioner.lifecycle import remove
from provisioner.listener import Listener


@dataclass(frozen=True, slots=True)
class Down:
    """What became of each instance, by name."""

    gone: tuple[str, ...]  # in the order in which they were taken away
    not_up: tuple[str, ...]  # that were named, sorted
    problems: tuple[errors.VirtlabError, ...]  # of instances that are not, or not all, gone


def down(
    names: Sequence[str],
    connect: str | None,
    listener: Listener,
    *,
    every: bool = False,
    cancelled: Cancellation | None = None,
) -> Down:
    """Takes away the instances of those names, or ``every`` one of this user, or else the only one that is
    up.

    Goes on with the next one where an instance can't be taken away. Setting ``cancelled`` ends that in the
    middle: Cancelled is raised, and ``cancelled`` knows what is left. Raises InputError where both names and
    ``every`` are given, Ambiguous where neither is and several are up, and HypervisorError where no libvirt
    can be asked.
    """
    if names and every:
        raise errors.InputError(
            msg("name labs, or say --all"), hint=msg("to take all of them away: {virtlab} down --all")
        )
    cancelled = cancelled or Cancellation()
    gone: list[str] = []
    problems: list[errors.VirtlabError] = []
    with everywhere(connect, tell=listener.note, cancelled=cancelled) as sessions:
        for session in sessions:
            for doubtful in session.look().doubtful:
                listener.note(doubtful.told)
        chosen = remove.chosen(sessions, names, every=every)
        for _, instance in chosen:
            cancelled.owe(f"{{virtlab}} down {instance.name}", msg("lab {name}", name=instance.name))
        for session, instance in chosen:
            side_by_side.check(cancelled)
            try:
                with lock.held(session.lock_name(instance.name), listener, timeout=lock.LONG):
                    cancelled.pay(msg("lab {name}", name=instance.name))
                    remove.take_down(session, instance, listener, cancelled)
            except errors.VirtlabError as error:
                problems.append(error)
            else:
                gone.append(instance.name)
    not_up = sorted(set(names) - {instance.name for _, instance in chosen})
    return Down(tuple(gone), tuple(not_up), tuple(problems))
