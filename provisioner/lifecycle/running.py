"""Finds the running lab that a verb is about, by its name or by the file that it came from."""

from __future__ import annotations

import os
import shlex
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from provisioner import errors
from provisioner.backends.session import Session, everywhere
from provisioner.labfile import catalog
from provisioner.labfile.catalog import LAB_FILE
from provisioner.language import joined, msg
from provisioner.lifecycle import lab_files, shield
from provisioner.model import naming
from provisioner.model.lab import Lab
from provisioner.model.observed import Member, Observed

Match = tuple[Session, naming.Instance, tuple[Member, ...]]


@contextmanager
def lab_up(connect: str | None, target: str, *, cancelled: threading.Event | None = None) -> Iterator[Match]:
    """The session, the instance and its guests, in the order of its lab file. Guests inside one follow it.
    Clones are left out.

    ``target`` is an instance's name, or the path of a lab's folder or file. Raises InputError for
    LAB/GUEST, NotFound where nothing of that name is up, Ambiguous where more than one thing is, and
    ConflictError where a later virtlab made it. ``cancelled``: as of ``session.opened``.
    """
    with everywhere(connect, with_events=True, cancelled=cancelled) as sessions:
        looks = [(session, session.look(volumes=False)) for session in sessions]
        everything = [
            (session, instance, guests) for session, seen in looks for instance, guests in _instances(seen)
        ]
        file = _file(target)
        matches = [match for match in everything if match[1].name == target]
        if not matches and file is not None:
            matches = [match for match in everything if _origin(match[2]) == file]
        if not matches:
            doubts = joined("", (seen.doubts(target) for _, seen in looks))
            raise _nothing(everything, target, file, doubts)
        if len(matches) > 1:
            listed = joined(
                ", ", (msg("{name} on {uri}", name=i.name, uri=s.choice.uri) for s, i, _ in matches)
            )
            raise errors.Ambiguous(
                msg("which one: {listed}?", listed=listed),
                hint=msg("name the instance, and its connection with -c"),
            )
        for _, seen in looks:
            seen.check_version(matches[0][1])
        shield.refresh(*matches[0][:2])
        yield matches[0]


def lab_of(domains: Sequence[Member]) -> Lab:
    """The lab that running guests came from, as its file is now.

    Raises NotFound where there is no guest, InputError where the file is gone, and LabFileError where
    it is wrong.
    """
    if not domains:
        raise errors.NotFound(msg("no guest is left of it"), hint=msg("see what is up: {virtlab} status"))
    return lab_files.load(*lab_files.of_origin(domains[0].metadata.origin))


def _file(target: str) -> str | None:
    """The lab file that a path names. None for what is not a path and names nothing here."""
    path = catalog.path_of(target)
    if path.is_dir():
        return os.path.realpath(path / LAB_FILE)
    return os.path.realpath(path) if path.is_file() or path.suffix in (".yaml", ".yml") else None


def _instances(observed: Observed) -> list[tuple[naming.Instance, tuple[Member, ...]]]:
    return [
        (instance, tuple(g for g in observed.of(instance).members() if not naming.is_clone(g.guest)))
        for instance in observed.instances()
    ]


def _origin(guests: tuple[Member, ...]) -> str | None:
    return os.path.realpath(guests[0].metadata.origin.file) if guests else None


def _nothing(everything: list[Match], target: str, file: str | None, doubts: str) -> errors.VirtlabError:
    up = {instance.name: {domain.guest for domain in guests} for _, instance, guests in everything}
    name, _, guest = target.partition("/")
    if guest in up.get(name, ()):
        return errors.InputError(
            msg("{target} names one guest, and this is about a whole lab", target=repr(target)),
            hint=msg("name the lab: {name}", name=name),
        )
    told = (
        msg("no lab {target} of yours is up", target=repr(target))
        if file is None
        else msg("no lab of yours from {file} is up", file=file)
    )
    return errors.NotFound(joined("", (told, doubts)), hint=_hint(everything, target, sorted(up)))


def _hint(everything: list[Match], target: str, up: Sequence[str]) -> str:
    """What to type instead where a target is not up: that depends on whether it is a lab at all."""
    try:
        lab = lab_files.load(*lab_files.locate(target))
    except errors.VirtlabError:
        if up:
            return msg("what is up: {names}", names=", ".join(up))
        return msg("nothing is up; see which labs there are: {virtlab} list")
    origins = [guests[0].metadata.origin for _, _, guests in everything if guests]
    if other := sorted(origin.instance for origin in origins if origin.source == lab.source):
        return msg("it is up under another name: {names}", names=", ".join(other))
    again = f"{{virtlab}} up {shlex.quote(target)}"
    for origin in origins:
        if origin.lab == lab.name and not lab_files.exists(origin.target):
            return msg(
                "{instance} is up, from {target}, which is gone; if that was moved here: {virtlab} "
                "down {instance}, then {again}",
                instance=origin.instance,
                target=origin.target,
                again=again,
            )
    return again
