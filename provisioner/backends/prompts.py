"""Guests without an agent, whose image says by which prompt their system waits at the serial console."""

from __future__ import annotations

import time
from types import TracebackType

from provisioner import errors, paths
from provisioner.backends.session import Session
from provisioner.hypervisor.streams import CharStream, open_console
from provisioner.images import registry
from provisioner.images.recipe import GrubSpec
from provisioner.language import msg
from provisioner.model.enums import AgentPort
from provisioner.model.observed import Member, ObservedDomain
from provisioner.transport import prompt


def prompt_of(image: str) -> str | None:
    """The prompt of the system in an image, or None where it does not wait for lines."""
    try:
        spec = registry.get(image, paths.templates_dir()).spec
    except errors.InputError:  # of a lab that is up, and whose image is gone from the catalogue
        return None
    return spec.prompt if isinstance(spec, GrubSpec) else None


def is_asked_there(member: Member) -> bool:
    """Whether a guest can only be asked at its console."""
    guest = member.metadata.guest
    return guest.agent is AgentPort.NONE and prompt_of(guest.image) is not None


class Console:
    """A guest's console, for questions. The first question opens it. A context manager."""

    def __init__(self, session: Session, member: Member) -> None:
        self._session = session
        self._member = member
        self._stream: CharStream | None = None

    def __enter__(self) -> Console:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()

    def ask(self, line: str, timeout: float) -> list[str]:
        """The lines that the guest answers. Raises Busy where somebody sits at the console, GuestError
        where the guest is down or does not wait for lines, and what ``transport.prompt.ask`` raises."""
        member = self._member
        words = prompt_of(member.metadata.guest.image)
        if words is None or not isinstance(member, ObservedDomain):
            raise errors.GuestError(
                msg(
                    "{label} can't be asked at its console: its image says nothing of a prompt",
                    label=member.label,
                ),
                hint=errors.look_at(member.label),
            )
        member.require_running()
        if self._stream is None:
            domain = self._session.conn.domain(member.name)
            self._stream = open_console(domain, "serial0", label=member.label)
        return prompt.ask(self._stream, member.label, words, line, time.monotonic() + timeout)
