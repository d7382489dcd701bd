"""Compares the definitions of guests that are up, and says what the differences mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner import errors, paths
from provisioner.backends.session import Session
from provisioner.language import msg
from provisioner.lifecycle import running
from provisioner.model.naming import Instance
from provisioner.model.observed import Member, ObservedDomain

if TYPE_CHECKING:
    from provisioner.labfile.lesson import Note
    from provisioner.observe.xml_comparison import Difference


def compared(session: Session, instance: Instance, domains: Sequence[Member]) -> list[Difference]:
    """The differences between the definitions of an instance's guests. The lab's own notes come first.

    Raises GuestError where there is no guest.
    """
    from provisioner.observe import xml_comparison

    if not domains:
        raise errors.GuestError(
            msg("{name} has no guests: a run did not end", name=instance.name),
            hint=f"{{virtlab}} down {instance.name}",
        )
    notes = [*lab_notes(domains), *general_notes()]
    return xml_comparison.differences(documents(session, domains), notes)


def lab_notes(domains: Sequence[Member]) -> tuple[Note, ...]:
    """The notes of the lab that the guests came from, with the lab's name in them. None where its files are
    gone or not valid just now."""
    from provisioner.labfile import lesson

    try:
        taught = lesson.load(running.lab_of(domains))
    except errors.InputError:
        return ()
    if taught is None:
        return ()
    typed = domains[0].metadata.origin.typed
    return tuple(replace(note, text=typed.text(note.text)) for note in taught.notes)


def documents(session: Session, domains: Sequence[Member]) -> dict[str, str]:
    """The definition of each guest as libvirt keeps it. For guests inside others there is none.

    Raises NotFound where one is gone meanwhile.
    """
    return {
        domain.guest: session.conn.domain(domain.name).definition()
        for domain in domains
        if isinstance(domain, ObservedDomain)
    }


def general_notes(file: Path | None = None) -> tuple[Note, ...]:
    """The notes on elements of any domain. Raises LabFileError where the file is wrong."""
    from provisioner.labfile import lesson, lesson_spec, nodes
    from provisioner.labfile.problems import Place, Problems
    from provisioner.labfile.value_types import Spot

    file = file or paths.templates_dir() / "notes" / "domain.yaml"
    problems = Problems()
    root = nodes.read(file, problems)
    if root is not None:
        given = lesson_spec.NOTES.check(root, Spot(problems, Place(str(file), 1, 1), ""))
        if given.ok and not problems:
            return lesson.notes_of(given)
    raise problems.error(hint=msg("this file belongs to virtlab: install it again"))
