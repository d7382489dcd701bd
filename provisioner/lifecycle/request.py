"""What ``up`` was asked for, and the lab and the instance that are meant by it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from provisioner import errors
from provisioner.backends.session import Session
from provisioner.language import msg
from provisioner.lifecycle import lab_files
from provisioner.model import naming
from provisioner.model.lab import Lab


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for."""

    target: str  # a lab's name, folder or file
    instance: str | None = None  # --as
    accel: str | None = None
    sets: tuple[str, ...] = ()
    add: tuple[str, ...] = ()  # optional guests, --with
    drop: tuple[str, ...] = ()  # --without
    timeout: float = 120.0  # seconds for each guest to answer, from its start
    keep_on_failure: bool = False
    trust: bool | None = None  # --trust, --no-trust


@dataclass(frozen=True, slots=True)
class Target:
    """A lab as its file alone says, and the instance that it becomes."""

    lab: Lab
    instance: naming.Instance


def locate(session: Session, request: Request) -> Target:
    """The lab that the request means, and the instance that it becomes. Raises InputError.

    The name of an instance that is up means that instance and its lab, as in other verbs.
    """
    try:
        file, source = lab_files.locate(request.target)
    except errors.InputError:
        origin = session.look(volumes=False).of(session.instance(request.target)).origin()
        if origin is None or request.instance is not None:
            raise
        file, source = lab_files.of_origin(origin)
        request = replace(request, instance=request.target)
    lab = lab_files.load(file, source, request.sets)
    if request.instance is not None and not naming.is_name(request.instance):
        raise errors.InputError(
            msg(
                "--as {instance}: a name is 1 to 32 of a-z, 0-9 and -, with no - at an end",
                instance=repr(request.instance),
            ),
            hint=msg("take a name such as my-lab"),
        )
    return Target(lab, session.instance(request.instance or lab.name))
