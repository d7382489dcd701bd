"""Whether guests that are up still answer, and whether guests inside others run: they are asked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import StrEnum
from functools import partial

from provisioner import errors, side_by_side
from provisioner.backends import choose
from provisioner.backends.prompts import prompt_of
from provisioner.backends.session import Session
from provisioner.model import enums
from provisioner.model.enums import AgentPort
from provisioner.model.observed import Member, ObservedDomain, ObservedInner
from provisioner.transport import parent
from provisioner.transport.executor import Transport

_SECONDS = 15.0  # for one guest; on a busy host, one inside another that takes 0.3 s has taken 5
_IN_ALL = 60.0


class Answer(StrEnum):
    """What came of asking a guest."""

    ANSWERS = "answers"
    SILENT = "does not answer"  # or not in a way that makes sense
    RUNNING = "running"  # it is not asked itself, and its parent says that it runs
    STOPPED = "stopped"
    UNKNOWN = "not known"  # nobody who could tell answers


def ask(session: Session, domains: Sequence[ObservedDomain]) -> dict[str, Answer]:
    """What each guest that runs answers, and each inside it, by LAB/GUEST.

    Machines without an agent are left out. No guest is waited for longer than a minute.
    """
    running = [each for each in domains if each.state == "running" and _has_agent(each)]
    looks = [partial(_look, session, each) for each in running]
    found = side_by_side.within(looks, time.monotonic() + _IN_ALL)
    answers: dict[str, Answer] = {}
    for domain, seen in zip(running, found, strict=True):
        members = {member.label: Answer.UNKNOWN for member in domain.members()}
        answers |= members | {domain.label: Answer.SILENT} if seen is None else seen
    return answers


def _has_agent(domain: ObservedDomain) -> bool:
    return domain.metadata.guest.agent is not AgentPort.NONE


def _look(session: Session, domain: ObservedDomain) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    for member in domain.members():
        if isinstance(member, ObservedDomain):
            answers[member.label] = _answer(session, member)
        elif answers[member.parent.label] is Answer.ANSWERS:
            answers[member.label] = _inside(session, member)
        else:
            answers[member.label] = Answer.UNKNOWN
    return answers


def _inside(session: Session, member: ObservedInner) -> Answer:
    try:
        states = parent.states(choose.backend(session, member.parent).reach(), _SECONDS)
    except errors.VirtlabError:
        return Answer.UNKNOWN
    if states.get(member.guest) != parent.RUNNING:
        return Answer.STOPPED
    guest = member.metadata.guest
    if guest.transport is enums.Transport.NONE or prompt_of(guest.image) is not None:
        return Answer.RUNNING  # what is typed at a prompt would be in the way of whoever sits there
    return _answer(session, member)


def _answer(session: Session, member: Member) -> Answer:
    try:
        way: Transport = choose.backend(session, member).reach()
        way.run(["true"], timeout=_SECONDS, max_output=0)
    except errors.Busy:
        return Answer.ANSWERS  # somebody is talking to it
    except errors.GuestError:
        return Answer.SILENT
    except errors.HypervisorError:
        return Answer.UNKNOWN
    return Answer.ANSWERS
