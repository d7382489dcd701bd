"""``up``: a lab file becomes a running instance, or stays one."""

from __future__ import annotations

import time
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from provisioner import errors, side_by_side
from provisioner.backends.inner import Inside, Started
from provisioner.backends.launch import Launched, Launcher, Order, Stopwatch
from provisioner.backends.machine_backend import LibvirtMachine
from provisioner.backends.session import Session
from provisioner.cancellation import Cancellation
from provisioner.hypervisor.image_volumes import StoredImage
from provisioner.hypervisor.storage import Pool
from provisioner.language import msg
from provisioner.lifecycle import host_checks, image_upload, kvm_access, preflight
from provisioner.lifecycle.image_upload import Images, boot_files
from provisioner.lifecycle.networks import Networks
from provisioner.lifecycle.preparation import Prepared
from provisioner.listener import Listener
from provisioner.model import memory, metadata, plan
from provisioner.model.lab import Guest, Lab
from provisioner.model.metadata import Address, Origin
from provisioner.model.observed import ObservedDomain
from provisioner.model.plan import Plan, Step, Verb

_MORE_TIME = msg("give it more time with --timeout, or keep it to look at with --keep-on-failure")
_KEEP = msg("keep it to look at with --keep-on-failure")


@dataclass(slots=True)
class Result:
    """What ``up`` did. ``guests`` are all top-level guests of the lab, in file order."""

    lab: Lab
    origin: Origin
    plan: Plan
    user_mode: bool  # whether the guests' networks are QEMU's user-mode ones
    is_new: bool = True  # whether nothing of the instance was there before
    guests: list[Launched] = field(default_factory=list)
    inner: list[Started] = field(default_factory=list)  # guests inside others, in file order
    phases: dict[str, float] = field(default_factory=dict)  # seconds, from the plan on
    seconds: float = 0.0

    @property
    def members(self) -> list[Guest]:
        """Every guest that is up now."""
        return [guest.guest for guest in self.guests] + [inner.guest for inner in self.inner]


def execute(session: Session, prepared: Prepared, listener: Listener, cancelled: Cancellation) -> Result:
    """Carries the plan out, guests side by side.

    On failure, or when ``cancelled`` is set (then Cancelled is raised), everything that this run made is
    taken back, unless the request says to keep it; nothing stops that. All errors are raised together. The
    caller holds the instance's lock.
    """
    began = time.monotonic()
    result = Result(
        prepared.lab,
        prepared.origin,
        prepared.plan,
        session.is_session,
        prepared.is_new,
        phases={"plan": prepared.seconds},
    )
    clock = Stopwatch(result.phases)
    run = _Run(session, prepared, listener, cancelled)
    try:
        with cancelled.stoppable():
            result.guests = run.work(clock)
            side_by_side.check(cancelled)
            problems = [guest.error for guest in result.guests if guest.error is not None]
            if not problems:
                result.inner = run.inside.start(cancelled)
                clock.lap("inside")
                problems = [inner.error for inner in result.inner if inner.error is not None]
            errors.raise_all(problems, msg("{count} guests did not come up", count=len(problems)))
    except BaseException as error:
        if isinstance(error, errors.VirtlabError):
            host_checks.explain(session, error)
        if prepared.request.keep_on_failure:
            cancelled.pay(*cancelled.owed)
            listener.note(msg("what was made is kept, as you said: look at it, then {virtlab} down"))
            raise
        failures = run.undo()
        if isinstance(error, errors.VirtlabError):
            _forget(error, run.gone)
        if not failures:
            cancelled.pay(*cancelled.owed)
        for failure in failures:
            listener.note(
                msg(
                    "not taken back: {message} ({virtlab} down {name})",
                    message=failure.message,
                    name=prepared.instance.name,
                )
            )
        if failures and isinstance(error, errors.VirtlabError):
            raise errors.SeveralErrors(
                msg("up failed, and not all of it could be taken back"),
                list({cause.message: cause for cause in (*reversed(failures), error)}.values())[::-1],
                hint=f"{{virtlab}} down {prepared.instance.name}",
            ) from error
        raise
    cancelled.pay(*cancelled.owed)
    result.seconds = time.monotonic() - began
    return result


def _forget(error: errors.VirtlabError, gone: Container[str]) -> None:
    """Changes the hints about guests (LAB/GUEST) that were taken back: nobody can look at them now."""
    if isinstance(error.hint, errors.GuestHint) and error.hint.guest in gone:
        is_slow = isinstance(error, errors.NotReady) and not isinstance(error, errors.Broken)
        error.hint = _MORE_TIME if is_slow else _KEEP
    if isinstance(error, errors.SeveralErrors):
        for cause in error.causes:
            _forget(cause, gone)


class _Run:
    """One execution of a plan, and what it has to take back should it fail."""

    def __init__(
        self, session: Session, prepared: Prepared, listener: Listener, cancelled: Cancellation
    ) -> None:
        self._session = session
        self._prepared = prepared
        self._lab = prepared.lab
        self._least = prepared.least
        self._listener = listener
        self._cancelled = cancelled
        self._networks = Networks(session, prepared.lab, prepared.origin, prepared.observed, cancelled)
        self._to_launch = [s for s in prepared.plan.guests if s.verb not in (Verb.KEEP, Verb.REMOVE)]
        self._touched: list[Step] = []
        self.gone: set[str] = set()  # LAB/GUEST of those that were taken back, and of those inside them
        self.inside = Inside(session, prepared.lab, prepared.instance, listener, prepared.request.timeout)

    def work(self, clock: Stopwatch) -> list[Launched]:
        """Does every step. Returns the result of each top-level guest of the lab, in file order.

        The laps: checks, images (looked up while networks start), network (what is left of that), guests.
        """
        prepared, session = self._prepared, self._session
        launched: dict[str, Launched] = {}
        kept = [step.name for step in prepared.plan.guests if step.verb is Verb.KEEP]
        looks = [partial(self._silence, name) for name in kept]
        silent = side_by_side.run(looks, cancelled=self._cancelled, abandon=True)
        errors.raise_all([error for error in silent if error], msg("several guests do not answer"))
        if prepared.plan.changes_something:
            kvm_access.say_why_slow(session, self._listener)
            self._check_memory()
            for step in self._to_launch:
                session.conn.require_ours(prepared.instance.domain(step.name))
            pool = image_upload.open_pool(session)
            preflight.check_disk(session, pool.folder)
            clock.lap("checks")
            # libvirt needs a third of a second for a NAT network; meanwhile the images are looked up
            carry_out = partial(self._networks.carry_out, prepared.plan.networks, self._listener)
            with side_by_side.aside(carry_out) as networks:
                try:
                    store = Images(session, pool, self._listener)
                    images = {step.name: self._images(store, step.name) for step in self._to_launch}
                except errors.VirtlabError as error:
                    other = networks.problem()
                    errors.raise_all(
                        [error] if other is None else [error, other],
                        msg("neither images nor networks are ready"),
                    )
                clock.lap("images")
                side_by_side.check(self._cancelled)
                self._fit_memory(images)
                self._check_memory()  # again: the first check only avoids building images in vain
                addresses = networks.result()
            clock.lap("network")
            orders = [
                self._order(step, pool, images[step.name], addresses[step.name]) for step in self._to_launch
            ]
            self._remove(pool)
            launched = self._launch(pool, orders)
            clock.lap("guests")
        self._networks.settle(self._listener)
        return [launched.get(g.name) or self._kept(g) for g in self._lab.top_level]

    def _fit_memory(self, images: Mapping[str, Mapping[str, StoredImage]]) -> None:
        """Gives guests more memory where an image that was only now built needs it."""
        booted = {name: used[self._lab.guest(name).image] for name, used in images.items()}
        self._least = image_upload.least_memory(self._lab, booted)
        self._lab = memory.fitting(self._lab, self._least)
        self.inside.follow(self._lab)

    def _silence(self, name: str) -> errors.VirtlabError | None:
        """Why a guest that is kept does not answer. It may still be starting, after a run that was killed:
        then it is waited for."""
        kept = LibvirtMachine(self._session, self._seen(name))
        try:
            kept.await_answer(self._listener, timeout=self._prepared.request.timeout)
        except errors.VirtlabError as error:
            self._listener.failed(name, errors.brief(error))
            return error
        return None

    def _seen(self, name: str) -> ObservedDomain:
        """The domain of a guest that is kept, which was seen."""
        observed = self._prepared.observed.domain(name)
        assert observed is not None  # noqa: S101
        return observed

    def _check_memory(self) -> None:
        new = [
            self._lab.guest(step.name)
            for step in self._to_launch
            if step.verb is not Verb.UPDATE and step.loses is None  # a running guest has its memory
        ]
        preflight.check_memory(self._session, new, self._least)

    def _images(self, store: Images, name: str) -> dict[str, StoredImage]:
        """Each image that a guest uses: the one that it was made with, where that still exists."""
        guest, observed = self._lab.guest(name), self._prepared.observed.domain(name)
        before = {} if observed is None else observed.metadata.images
        return {image: store.kept(before.get(image)) or store.current(image) for image in guest.images}

    def _remove(self, pool: Pool) -> None:
        for step in self._prepared.plan.guests:
            if step.verb is Verb.REMOVE:
                self._session.conn.remove_domain(self._prepared.instance.domain(step.name), pool)
                self._listener.done(step.name, msg("removed"))

    def _order(
        self, step: Step, pool: Pool, used: dict[str, StoredImage], addresses: tuple[Address, ...]
    ) -> Order:
        guest, observed = self._lab.guest(step.name), self._prepared.observed.domain(step.name)
        decision = self._prepared.decisions[guest.name]
        images = {name: image.set for name, image in used.items()}
        mark = plan.guest_metadata(self._lab, guest, self._prepared.origin, decision, images, addresses)
        old = [] if observed is None else observed.volumes
        metadata.dumps(mark)  # metadata that is too long is refused before anything is changed
        return Order(
            step=step,
            guest=guest,
            mark=mark,
            boot=boot_files(used[guest.image], guest.firmware),
            backing=tuple(used[d.image].paths["disk"] if d.image else None for d in guest.disks),
            old_disks=len(old),
            kept_disks=frozenset(index for index, volume in enumerate(old) if pool.has(volume)),
        )

    def _launch(self, pool: Pool, orders: Sequence[Order]) -> dict[str, Launched]:
        if not orders:
            return {}
        launcher = Launcher(
            self._session,
            pool,
            self._listener,
            timeout=self._prepared.request.timeout,
            cancelled=self._cancelled,
        )
        self._touched = [order.step for order in orders]
        begun = [self._label(step) for step in self._touched if self._is_undone(step)]
        self._cancelled.owe(f"{{virtlab}} down {self._prepared.instance.name}", *begun)
        results = side_by_side.run(
            [partial(launcher.launch, order) for order in orders],
            cancelled=self._cancelled,
            end=partial(self._switch_off, orders),
        )
        return {launched.name: launched for launched in results}

    def _switch_off(self, orders: Sequence[Order]) -> None:
        """Ends the guests that somebody may be waiting for."""
        for order in orders:
            with suppress(errors.HypervisorError):
                self._session.conn.domain(self._prepared.instance.domain(order.guest.name)).destroy()

    def _kept(self, guest: Guest) -> Launched:
        return Launched(guest.name, Verb.KEEP, self._seen(guest.name).metadata, guest)

    def _label(self, step: Step) -> str:
        return f"{self._prepared.instance.name}/{step.name}"

    def _is_undone(self, step: Step) -> bool:
        """Whether a guest that was begun goes again: not where only its metadata changed, or where it was
        there before, paused."""
        observed = self._prepared.observed.domain(step.name)
        was_active = step.verb is Verb.START and observed is not None and observed.is_active
        return step.verb is not Verb.UPDATE and not was_active

    def undo(self) -> list[errors.VirtlabError]:
        """Takes back what this run made, and returns what could not be."""
        failures: list[errors.VirtlabError] = []
        gone: list[str] = []
        conn, instance = self._session.conn, self._prepared.instance
        if self._touched:
            self._listener.note(msg("taking back what this run made"))
        for step in filter(self._is_undone, self._touched):
            gone.append(step.name)
            try:
                if step.verb is Verb.CREATE:
                    conn.remove_domain(instance.domain(step.name), self._session.pool())
                else:
                    conn.domain(instance.domain(step.name)).destroy()
                    self._listener.note(
                        msg("{name} is left stopped, as the lab file now has it", name=step.name)
                    )
            except errors.VirtlabError as error:
                failures.append(error)
            else:
                self._cancelled.pay(self._label(step))
                inside = plan.inner_guests(self._lab, step.name)
                self.gone |= {f"{instance.name}/{name}" for name in (step.name, *(g.name for g in inside))}
        failures += self.inside.undo(gone)
        return failures + self._networks.undo()
