"""What ``up`` would do: it looks at what exists, and makes the plan. Nothing is changed here."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache

from provisioner import errors
from provisioner.backends.session import Session, opened
from provisioner.hypervisor import host_facts, uris
from provisioner.language import msg
from provisioner.lifecycle import image_upload, lab_files, preflight, socket_paths
from provisioner.lifecycle.request import Request, Target
from provisioner.model import accel, memory, naming, plan, selection
from provisioner.model.enums import Accel
from provisioner.model.lab import Guest, Lab
from provisioner.model.metadata import Choices, Origin
from provisioner.model.observed import Observed
from provisioner.model.plan import Plan


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, and all that it was made from. Nothing was changed yet."""

    request: Request
    lab: Lab
    origin: Origin
    observed: Observed
    decisions: dict[str, accel.Decision]  # what each top-level guest runs with
    plan: Plan
    seconds: float  # that it took to look and to plan
    least: dict[str, int] = field(default_factory=dict)  # bytes in which each guest comes up, where known
    former: tuple[str, ...] = ()  # instances that are up by names which the lab file gave its lab before

    @property
    def instance(self) -> naming.Instance:
        return self.origin.key

    @property
    def is_new(self) -> bool:
        """Whether nothing of the instance was there before."""
        return not (self.observed.domains or self.observed.networks)


def prepare(session: Session, request: Request, target: Target) -> Prepared:
    """Looks at what exists, and makes the plan."""
    began = time.monotonic()
    lab, instance = target.lab, target.instance
    seen = session.look()
    observed = seen.of(instance)
    observed.check_version(instance)
    plan.check_origin(instance, lab, observed)
    if not (observed.domains or observed.networks):
        _check_not_elsewhere(session, instance)
    before = observed.origin()
    choices = (before.choices if before else Choices()).updated(request.accel, request.sets, request.trust)
    if choices.sets != request.sets:
        lab = lab_files.load(lab.file, lab.source, choices.sets)
    lab, choices = selection.settled(lab, choices, request.add, request.drop)
    preflight.check_networks(session, lab)
    preflight.check_offers(session, lab)
    socket_paths.check(session, lab, instance)
    preflight.check_volumes(session, lab, instance, observed)
    least = image_upload.least_memory(lab, image_upload.booted(session, lab, observed))
    lab = memory.fitting(lab, least)
    file = str(lab.file.resolve())
    origin = Origin(session.user, instance.name, lab.name, lab.source, file, choices)
    decisions = _decisions(session, request, lab, observed, choices)
    accels = {name: decision.accel for name, decision in decisions.items()}
    made = plan.make(lab, origin, observed, accels, session=session.is_session)
    return Prepared(
        request, lab, origin, observed, decisions, made, time.monotonic() - began, least, _former(lab, seen)
    )


def _former(lab: Lab, seen: Observed) -> tuple[str, ...]:
    """The instances that the lab file made when its lab had another name."""
    origins = filter(None, (seen.of(instance).origin() for instance in seen.instances()))
    return tuple(
        origin.instance
        for origin in origins
        if origin.source == lab.source and origin.lab != lab.name and origin.instance == origin.lab
    )


def _check_not_elsewhere(session: Session, instance: naming.Instance) -> None:
    """Raises ConflictError where the instance is up on the user's other connection."""
    if session.choice.asked_for:
        return
    for choice in uris.everywhere(None):
        if choice.uri == session.choice.uri:
            continue
        with suppress(errors.HypervisorError), opened(choice) as other:
            there = other.look().of(instance)
            if there.domains or there.later:
                raise errors.ConflictError(
                    msg("{name} is up already, on {uri}", name=instance.name, uri=choice.uri),
                    hint=msg(
                        "go on with that one (-c {uri}), or {virtlab} down {name}",
                        uri=choice.uri,
                        name=instance.name,
                    ),
                )


def _decisions(
    session: Session, request: Request, lab: Lab, observed: Observed, choices: Choices
) -> dict[str, accel.Decision]:
    """The accelerator of each top-level guest, and the reason for it.

    A guest that exists keeps its own, even after a fallback, until the lab file or a flag says otherwise.
    """

    @cache
    def kvm() -> accel.KvmFacts:
        return host_facts.kvm(session.conn, session.host, session=session.is_session)

    def decide(guest: Guest) -> accel.Decision:
        there = observed.domain(guest.name)
        if there is not None and request.accel is None and there.metadata.guest.accel == guest.accel:
            return accel.Decision(there.metadata.accel, there.metadata.accel_why, there.metadata.fell_back)
        return accel.asked(guest.accel, choices.accel) or accel.decide(Accel.AUTO, kvm())

    return {
        guest.name: accel.checked(guest.name, decide(guest), needs_kvm=guest.needs_kvm, facts=kvm)
        for guest in lab.top_level
    }
