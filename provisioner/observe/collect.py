"""Asks all guests for their facts at the same time. A guest that fails costs only its own facts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from provisioner import errors, paths, side_by_side
from provisioner.backends import choose, prompts
from provisioner.backends.session import Session
from provisioner.language import mapped, msg
from provisioner.model.facts import Facts
from provisioner.model.metadata import GuestMetadata
from provisioner.model.observed import Member
from provisioner.observe import parse
from provisioner.sanitize import printable
from provisioner.units import format_seconds

_GRACE = 8.0  # seconds after the deadline in which a transport ends what it began


@dataclass(frozen=True, slots=True)
class GuestFacts:
    """What came from one guest: facts, or one line that says why there are none."""

    guest: str
    metadata: GuestMetadata
    facts: Facts | None
    error: str
    hint: str | None = None
    seconds: float = 0.0  # that it took to tell them


def facts(session: Session, domains: Sequence[Member], *, timeout: float = 30.0) -> list[GuestFacts]:
    """The facts of each guest, in the order of ``domains``.

    ``timeout``: the seconds that all of it may take, and a little more for a guest that answers late. A
    failure of a single guest is in the result, and not raised.
    """
    script = _script()
    deadline = time.monotonic() + timeout
    asked = [partial(_of, session, domain, script, deadline) for domain in domains]
    answers = side_by_side.within(asked, deadline + _GRACE)
    return [one or _silent(domain, timeout) for one, domain in zip(answers, domains, strict=True)]


def _silent(domain: Member, timeout: float) -> GuestFacts:
    label = domain.label
    told = msg("{label} is up, and did not answer within {limit}", label=label, limit=format_seconds(timeout))
    return GuestFacts(domain.guest, domain.metadata, None, told, errors.start_anew(label))


def _of(session: Session, domain: Member, script: bytes, deadline: float) -> GuestFacts:
    label = domain.label
    if prompts.is_asked_there(domain):
        return GuestFacts(
            domain.guest,
            domain.metadata,
            None,
            msg("{label} runs a system that tells nothing of itself in this form", label=label),
            msg("see what it answers at its console: {virtlab} check {name}", name=domain.instance.name),
        )
    hint = None
    began = time.monotonic()
    try:
        transport = choose.backend(session, domain).reach()
        left = max(0.1, deadline - time.monotonic())
        result = transport.run(["sh"], input=script, timeout=left, max_output=parse.MOST_BYTES)
        if result.truncated:
            raise ValueError(msg("it told more than {size} KiB", size=parse.MOST_BYTES // 1024))
        if result.exit_code != 0:
            said = printable(result.stderr.strip(), 200) or msg(
                "its shell ended with {exit_code}", exit_code=result.exit_code
            )
            raise ValueError(msg("it can't tell its facts: {said}", said=said))
        told_facts = parse.facts_of(result.stdout)
        return GuestFacts(domain.guest, domain.metadata, told_facts, "", None, time.monotonic() - began)
    except errors.VirtlabError as error:
        told, hint = error.message, error.hint
    except ValueError as error:
        told, hint = msg("{label}: {error}", label=label, error=error), errors.start_anew(label)
    return GuestFacts(domain.guest, domain.metadata, None, mapped(told, printable), hint)


def _script() -> bytes:
    """The script without comments and blank lines, because a serial line carries only 3.8 KB a second."""
    text = (paths.templates_dir() / "guest" / "facts.sh").read_text(encoding="utf-8")
    lines = (line.strip() for line in text.split("\n"))
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("#")).encode()
