"""``doctor``: says whether labs can run on this host, and what to do where they can't. Changes nothing,
beside starting virtlab's pool where it stands still."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from provisioner import errors, paths
from provisioner.backends.session import Session, opened
from provisioner.host import libvirt_daemons
from provisioner.hypervisor import host_facts, image_volumes, remedies, uris
from provisioner.hypervisor.image_volumes import StoredImage
from provisioner.images import cache, managers, packages, registry, releases, tools
from provisioner.labfile import catalog as lab_catalog
from provisioner.labfile.observation_spec import NEEDS_NETWORK
from provisioner.language import joined, msg
from provisioner.lifecycle import host_checks, kvm_access, lab_files, pool_access, preflight, socket_paths
from provisioner.lifecycle.host_checks import Check
from provisioner.lifecycle.image_upload import recipe_key
from provisioner.lifecycle.preflight import memory_of
from provisioner.model import accel, kinds, selection
from provisioner.model.enums import Accel, NetworkMode
from provisioner.model.lab import Lab
from provisioner.units import rough_size

_SPARE_DISK = 1024**3  # bytes: an image being built and uploaded, and disks that grow
_UNTRIED = msg("go on; where something fails here that should not, please report it with this line")


@dataclass(frozen=True, slots=True)
class LabVerdict:
    """Whether a lab can run: ``how`` is kvm, emulated or not."""

    name: str
    how: str
    why: str


@dataclass(frozen=True, slots=True)
class Findings:
    checks: tuple[Check, ...]
    labs: tuple[LabVerdict, ...]
    asked: bool = False  # whether about these labs in particular

    @property
    def fit(self) -> bool:
        """Whether nothing that is needed fails, and the lab that was asked about can run."""
        runs = not self.asked or all(lab.how != "not" for lab in self.labs)
        return runs and all(check.good or not check.needed for check in self.checks)


def doctor(connect: str | None, target: str | None = None) -> Findings:
    """All checks, and a verdict for every lab of the catalogue, or for the lab that ``target`` names.

    Raises InputError where there is no such lab, and LabFileError where its file is wrong.
    """
    labs = _labs() if target is None else [selection.chosen(lab_files.load(*lab_files.locate(target)))]
    choice = uris.choose(connect)
    checks: list[Check] = []
    try:
        with opened(choice) as session:
            checks += _connected(session, labs)
            kvm = host_facts.kvm(session.conn, session.host, session=session.is_session)
            stored = image_volumes.stored_on(session.conn)
            fit = all(check.good or not check.needed for check in checks)
            verdicts = [
                verdict(
                    lab,
                    kvm,
                    is_session=session.is_session,
                    memory=session.host.free_memory(),
                    nested=session.host.nested_kvm(),
                    obstacles=_obstacles(session, lab, stored),
                )
                if fit
                else LabVerdict(lab.name, "not", msg("see what fails above"))
                for lab in labs
            ]
    except errors.HypervisorError as error:
        checks.append(Check(msg("connection"), False, error.message, error.hint))
        verdicts = [LabVerdict(lab.name, "not", msg("libvirt does not answer")) for lab in labs]
    return Findings(tuple(checks), tuple(verdicts), target is not None)


def _labs() -> list[Lab]:
    entries = lab_catalog.entries(paths.labs_dir())
    return [selection.chosen(lab_files.load(entry.file, f"catalog:{entry.name}")) for entry in entries]


def _obstacles(session: Session, lab: Lab, stored: Sequence[StoredImage]) -> list[str]:
    """Why a lab can't run here: images that can't be made, and what this libvirt and its QEMU lack."""
    found = [o for name in lab_files.images_of([lab]) if (o := _image(name, stored).obstacle)]
    try:
        preflight.check_offers(session, lab)
    except errors.LabFileError as error:
        found.append(error.problems[0])
    try:
        socket_paths.check(session, lab, session.instance(lab.name))
    except errors.HypervisorError as error:
        found.append(msg("{told}; {remedy}", told=error.message, remedy=error.hint or ""))
    return found


def _connected(session: Session, labs: Sequence[Lab]) -> Iterator[Check]:
    yield Check(msg("connection"), True, msg("{uri} ({why})", uri=session.choice.uri, why=session.choice.why))
    versions = host_facts.versions(session.conn)
    if machine := session.host.machine():
        good, told = releases.this_standing(linux=machine.kernel.split()[-1], **versions)
        yield Check(msg("release"), good, told, None if good else _UNTRIED, needed=False)
    yield Check("libvirt", True, versions["libvirt"])
    if session.choice.uri == uris.SYSTEM and libvirt_daemons.has_log_daemon() is False:
        told = msg("does not run, and libvirt starts no QEMU without it")
        yield Check("virtlogd", False, told, remedies.start_log_daemon())
    emulator = host_facts.offers_x86(session.conn)
    yield Check(
        "qemu",
        emulator,
        versions["qemu"] if emulator else msg("libvirt knows no QEMU that emulates x86_64"),
        None if emulator else msg("install qemu-system-x86; {bootstrap}", bootstrap=host_checks.BOOTSTRAP),
    )
    yield from accelerator(session)
    yield from host_checks.networks(session)
    yield from host_checks.bridges(session)
    yield from host_checks.folders()
    yield from _room(session, labs)
    yield from _images(session, labs)
    yield from host_checks.far_end(session)


def accelerator(session: Session) -> Iterator[Check]:
    """Whether KVM is real here, and whether QEMU's user can open it. Where it can't, libvirt is slow
    anyway."""
    kvm = host_facts.kvm(session.conn, session.host, session=session.is_session)
    obstacle = accel.obstacle(kvm)
    if obstacle is None:
        yield Check(msg("accelerator"), True, accel.decide(Accel.AUTO, kvm).why, needed=False)
    else:
        remedy = _kvm_remedy(session, kvm)
        yield Check(
            msg("accelerator"),
            False,
            msg("emulation (TCG): {obstacle}", obstacle=obstacle),
            remedy,
            needed=False,
        )
    if user := kvm_access.kept_out(session):
        told = msg("{cause}: up takes many seconds longer", cause=kvm_access.cause(user))
        remedy = kvm_access.remedy(session, user.account, user.groups).command
        yield Check("/dev/kvm", False, told, remedy, needed=False)


def _kvm_remedy(session: Session, kvm: accel.KvmFacts) -> str | None:
    if kvm.exists and kvm.hardware and kvm.opens is False:
        if kvm.qemu_user is not None:
            return None  # a check of its own has it
        own = session.user if session.is_session else None
        remedy = kvm_access.remedy(session, own, os.getgroups())
        return (
            msg("{command}, then log in again", command=remedy.command)
            if remedy.joins_group
            else remedy.command
        )
    if kvm.hardware and not kvm.exists:
        return msg("load the module: sudo modprobe kvm_intel (or kvm_amd)")
    return msg(
        "take a host whose processor shows vmx or svm (on a cloud: nested virtualization), "
        "or go on: labs run emulated, slower"
    )


def _room(session: Session, labs: Sequence[Lab]) -> Iterator[Check]:
    memory = session.host.free_memory()
    largest = max((memory_of(lab.top_level) for lab in labs), default=0)
    if memory is not None:
        good = memory >= largest
        told = msg("{size} free", size=rough_size(memory))
        yield Check(
            msg("memory"), good, told, None if good else msg("end what nobody needs: {virtlab} status")
        )
    folder = str(paths.session_pool_dir() if session.is_session else paths.SYSTEM_POOL_DIR)
    try:
        session.pool()
    except errors.PoolAway as error:
        yield Check(msg("pool"), False, error.message, error.hint)
    if found := pool_access.obstacle(session):
        yield Check(msg("pool"), False, found.told, found.remedy)
    disk = session.host.free_disk(folder)
    if disk is not None:
        good = disk >= _SPARE_DISK
        told = msg("{size} free for {folder}", size=rough_size(disk), folder=folder)
        yield Check(msg("disk"), good, told, None if good else msg("free 1 GiB there"), needed=False)


def _images(session: Session, labs: Sequence[Lab]) -> Iterator[Check]:
    stored = image_volumes.stored_on(session.conn)
    pool = session.conn.active_pool()
    damaged = {key.image for key in image_volumes.damaged(pool)} if pool else set()
    all_there = True
    for name in lab_files.images_of(labs):
        image = _image(name, stored, damaged)
        all_there &= image.there
        yield Check(msg("image {name}", name=name), image.there, image.told, image.remedy, needed=False)
    if not all_there and (missing := tools.missing()):
        told = msg("building images needs {programs}", programs=", ".join(missing))
        yield Check(
            msg("programs"), False, told, f"sudo apt-get install -y {' '.join(missing)}", needed=False
        )


class _Image(NamedTuple):
    """Whether an image is there. ``obstacle``: why it can't be made here."""

    there: bool
    told: str
    remedy: str | None = None
    obstacle: str | None = None


def _image(name: str, stored: Sequence[StoredImage], damaged: Container[str] = ()) -> _Image:
    recipe = registry.get(name, paths.templates_dir())
    try:
        if any((i.set.image, i.set.recipe) == (name, recipe_key(recipe)) for i in stored):
            return _Image(True, msg("ready"))
        built = cache.find(recipe, paths.cache_dir()) is not None
        if not built and recipe.spec.kind != "disk":
            managers.provider(packages.this_system(), paths.cache_dir())
    except errors.ImageError as error:
        return _Image(False, error.message, error.hint, error.message)
    told = msg("built, not uploaded yet") if built else msg("not built yet")
    if name in damaged:
        told = msg("a file of it in the pool was deleted or changed")
    return _Image(False, told, msg("to make it now, and not at the first up: {virtlab} prepare --all"))


def verdict(
    lab: Lab,
    kvm: accel.KvmFacts,
    *,
    is_session: bool,
    memory: int | None,
    obstacles: Sequence[str],
    nested: bool | None = None,
) -> LabVerdict:
    """Whether a lab can run, if nothing else is wrong.

    ``memory``: bytes that are free, where known; ``obstacles``: why its images can't be made;
    ``nested``: whether the host's KVM gives guests a KVM of their own, where known.
    """
    if obstacles:
        return LabVerdict(lab.name, "not", obstacles[0])
    isolated = [network.name for network in lab.networks if network.mode is NetworkMode.ISOLATED]
    if is_session and isolated:
        told = msg(
            "network {networks} is isolated, which qemu:///session can't do", networks=", ".join(isolated)
        )
        return LabVerdict(lab.name, "not", told)
    obstacle = accel.obstacle(kvm)
    if obstacle and any(guest.accel is Accel.KVM for guest in lab.top_level):
        return LabVerdict(lab.name, "not", msg("it wants KVM: {obstacle}", obstacle=obstacle))
    if memory is not None and memory < memory_of(lab.top_level):
        return LabVerdict(
            lab.name,
            "not",
            msg("it takes {size} of memory", size=rough_size(memory_of(lab.top_level))),
        )
    decisions = {guest.name: accel.decide(guest.accel, kvm) for guest in lab.top_level}
    unseen = _unseen(lab, {name: each.accel for name, each in decisions.items()}, is_session=is_session)
    emulated = {name: each for name, each in decisions.items() if each.accel == "tcg"}
    here = [each for each in emulated.values() if each.asked is None]  # others wherever they run
    if here or (emulated and len(emulated) == len(decisions)):
        first = (here or list(emulated.values()))[0].why
        return LabVerdict(lab.name, "emulated", msg("slower{unseen}: {why}", unseen=unseen, why=first))
    inside = [g.name for g in lab.guests if kinds.of(g.kind).uses_parents_kvm and g.accel is Accel.KVM]
    if inside and nested is False:
        told = msg(
            "{guests} wants KVM in a guest, which this host's KVM does not give (nested=0)",
            guests=", ".join(inside),
        )
        return LabVerdict(lab.name, "not", msg("{why}; emulated it runs: --accel tcg", why=told))
    by = next((each.why for name, each in decisions.items() if name not in emulated), msg("no guests"))
    if emulated:
        by = msg("{why}; {guests} emulated, as the lab file says", why=by, guests=", ".join(emulated))
    return LabVerdict(lab.name, "kvm", joined("", (by, unseen)))


def _unseen(lab: Lab, accels: Mapping[str, str], *, is_session: bool) -> str:
    """The end of a sentence, which says how many of the lab's checks can't be made here.

    ``accels``: what runs each top-level guest.
    """

    def lacks(needed: str, guests: Sequence[str]) -> bool:
        return any(needed != accels[_outermost(lab, guest)] for guest in guests)

    needs = [(need, item.guests) for item in lab.observe for need in item.needs]
    told = {
        "KVM": sum(need == "kvm" and lacks(need, guests) for need, guests in needs),
        msg("emulation"): sum(need == "tcg" and lacks(need, guests) for need, guests in needs),
        msg("a network of the lab's own"): sum(need == NEEDS_NETWORK for need, _ in needs)
        if is_session
        else 0,
    }
    parts = [
        msg("{number} of {count} checks need {what}", number=number, count=len(lab.observe), what=what)
        for what, number in told.items()
        if number
    ]
    return joined("", (msg(", and {part}", part=part) for part in parts))


def _outermost(lab: Lab, name: str) -> str:
    """The top-level guest that a guest is, or is in."""
    while parent := lab.guest(name).parent:
        name = parent
    return name
