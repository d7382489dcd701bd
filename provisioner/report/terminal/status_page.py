"""What is up, as data and as a page. ``status`` loads nothing but this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from provisioner import errors
from provisioner.language import joined, msg
from provisioner.model.observed import HINT_LATER, state_words
from provisioner.model.plain import to_data
from provisioner.report.preferred_language import local
from provisioner.report.terminal import table, text
from provisioner.units import format_seconds, format_size, rough_size

if TYPE_CHECKING:
    from provisioner.model.metadata import GuestMetadata, Origin
    from provisioner.verbs.status import InstanceStatus

ACCEL = {"kvm": "KVM", "tcg": msg("emulation (TCG)")}
_NOT_ASKED = msg("not asked")
_SILENT, _STOPPED = msg("does not answer"), msg("stopped")
_OFF = ("stopped", "crashed")
_ANSWERS: dict[str, str] = {each: each for each in (_SILENT, _STOPPED, msg("not known"))}


def guest_data(mark: GuestMetadata, state: str) -> dict[str, Any]:
    """A guest as its metadata has it."""
    guest = mark.guest
    return {
        "name": guest.name,
        "state": state,
        "domain": mark.origin.key.domain(guest.name),
        "accel": mark.accel,
        "accel_why": mark.accel_why,
        "machine": guest.machine,
        "memory": guest.memory,
        "disks": to_data(guest.disks),
        "interfaces": [
            {
                "model": i.model,
                "network": a.network,
                "mac": a.mac,
                "address": a.address,
                "gateway": a.gateway,
            }
            for i, a in zip(guest.interfaces, mark.addresses, strict=True)
        ],
        "images": mark.images,
        "inner": [
            {"name": inner.name, "kind": str(inner.kind), "parent": inner.parent, "memory": inner.memory}
            for inner in mark.inner
        ],
    }


def status_data(statuses: Sequence[InstanceStatus]) -> list[dict[str, Any]]:
    """Each instance as plain data; with what its domains cost the host, where that was watched."""
    return [_instance_data(each) for each in statuses]


def _instance_data(each: InstanceStatus) -> dict[str, Any]:
    instance, observed = each.instance, each.observed
    origin = observed.origin()
    guests = [guest_data(domain.metadata, domain.state) for domain in observed.domains]
    for guest, domain in zip(guests, observed.domains, strict=True):
        for told in (guest, *guest["inner"]):
            answer = (each.answers or {}).get(f"{instance.name}/{told['name']}")
            told["answer"] = None if answer is None else str(answer)
        guest["lost_disks"] = list(domain.lost_disks)
        guest["cut_off"] = list(domain.cut_off)
        guest["out_of_space"] = domain.out_of_space
        guest["let_go_on"] = each.stopped.get(domain.name)
        if usage := each.usage.get(guest["domain"]):
            guest["usage"] = asdict(usage)
    return {
        "instance": instance.name,
        "lab": origin.lab if origin else None,
        "file": origin.file if origin else None,
        "owner": origin.user if origin else instance.owner,
        "connection": each.uri,
        "pool_folder": each.pool_folder,
        "accel_flag": origin.choices.accel if origin else None,
        "set": list(origin.choices.sets) if origin else [],
        "with": list(origin.choices.guests) if origin else [],
        "up": text.spelled(origin.typed.up()) if origin else None,
        "left_out": _left_out(origin) if origin else [],
        "networks": [
            {"name": n.network, "active": n.active, "subnet": n.metadata.subnet} for n in observed.networks
        ],
        "guests": guests,
        "lost_networks": list(each.lost_networks),
        "doubtful": [{"kind": d.kind, "name": d.name} for d in observed.doubtful],
        "later": [{"name": i.name, "part": i.part, "format": i.format} for i in observed.later],
    }


def status_names(instances: Sequence[dict[str, Any]]) -> list[str]:
    """INSTANCE/GUEST of each guest in plain data of ``status_data``, those inside another after it."""
    return [
        f"{entry['instance']}/{name}"
        for entry in instances
        for guest in entry["guests"]
        for name in (guest["name"], *(inner["name"] for inner in guest["inner"]))
    ]


def _left_out(origin: Origin) -> list[dict[str, str]]:
    """The optional guests that are not there, each with the command that brings it up."""
    return [
        {"name": guest, "command": text.spelled(origin.with_guest(guest))}
        for guest in origin.choices.left_out
    ]


def status_page(instances: list[dict[str, Any]]) -> str:
    """The instances for people."""
    if not instances:
        first = text.next_step(msg("{virtlab} list, then {virtlab} up LAB"))
        return f"{local(msg('nothing is up'))}\n{first}"
    rows: list[tuple[str, ...]] = []
    for entry in instances:
        for guest in entry["guests"]:
            rows.append(
                (
                    f"{entry['instance']}/{guest['name']}",
                    _state(guest, guest),
                    ACCEL[guest["accel"]],
                    format_size(guest["memory"]),
                    *_used(guest.get("usage")),
                    ", ".join(bare(i["address"]) for i in guest["interfaces"]) or msg("none"),
                    entry["connection"],
                )
            )
            rows += [
                (
                    f"{entry['instance']}/{inner['name']}",
                    _state(inner, guest),
                    msg("{kind} in {parent}", kind=inner["kind"], parent=inner["parent"]),
                    format_size(inner["memory"]),
                    "",
                    "",
                    "",
                    "",
                )
                for inner in guest["inner"]
            ]
    head: tuple[str, ...] = (
        *(msg("guest"), msg("state"), msg("accelerator"), msg("memory"), msg("resident"), msg("processor")),
        *(msg("address"), msg("connection")),
    )
    if len({entry["connection"] for entry in instances}) == 1:
        head, rows = head[:-1], [row[:-1] for row in rows]
    watched = [guest["usage"]["over"] for entry in instances for guest in entry["guests"] if "usage" in guest]
    if not watched:
        head, rows = head[:4] + head[6:], [row[:4] + row[6:] for row in rows]
    lines: list[str] = [table.columns(head, rows)] if rows else []
    if watched:
        lines.append(
            msg(
                "seen from the host for {seconds}: memory in use by the guest's process, and its seconds of "
                "processor time in each second",
                seconds=format_seconds(max(watched)),
            )
        )
    for entry in instances:
        stuck = [guest["name"] for guest in entry["guests"] if guest["out_of_space"]]
        if stuck:
            lines.append(
                msg(
                    "{instance}: {guests} paused: there is no room for what it writes to its disk; to let it "
                    "go on, free some space in {folder}, then {virtlab} start {instance}",
                    instance=entry["instance"],
                    guests=", ".join(stuck),
                    folder=entry["pool_folder"],
                )
            )
        paused = [
            guest["name"]
            for guest in entry["guests"]
            if guest["state"] == "paused" and not guest["out_of_space"]
        ]
        if paused:
            lines.append(
                msg(
                    "{instance}: {guests} paused, as a bench does for as long as it runs; to let them go on: "
                    "{virtlab} start {instance}",
                    instance=entry["instance"],
                    guests=", ".join(paused),
                )
            )
        lines += [
            msg(
                "{instance}/{guest}: its QEMU was stopped by a signal or a debugger, and nothing runs in the "
                "guest; {command} lets it go on",
                instance=entry["instance"],
                guest=guest["name"],
                command=guest["let_go_on"],
            )
            for guest in entry["guests"]
            if guest["let_go_on"]
        ]
        if entry["later"]:
            parts = [
                msg("{part} (metadata in format {format})", part=each["part"], format=each["format"])
                for each in entry["later"]
            ]
            lines.append(
                msg(
                    "{instance}: made by a later version of virtlab: {parts}; nothing of it is touched: "
                    "{hint}",
                    instance=entry["instance"],
                    parts=joined(", ", parts),
                    hint=HINT_LATER,
                )
            )
        elif not entry["guests"]:
            lines.append(
                msg(
                    "{instance}: something is left of a run that did not end; to remove it: {virtlab} down "
                    "{instance}",
                    instance=entry["instance"],
                )
            )
        lines += _lost(entry)
        lines += _answers(entry)
        lines += [
            msg(
                "{guest}: optional, and not up: {command}",
                guest=f"{entry['instance']}/{guest['name']}",
                command=guest["command"],
            )
            for guest in entry["left_out"]
        ]
        flags = [*(f"--with {name}" for name in entry["with"]), *(f"--set {s}" for s in entry["set"])]
        flags += [f"--accel {entry['accel_flag']}"] if entry["accel_flag"] else []
        if flags:
            chosen = " ".join(flags)
            lines.append(
                msg("{instance} keeps {chosen} until it goes down", instance=entry["instance"], chosen=chosen)
            )
    return text.told(joined("\n", lines))


def _state(guest: dict[str, Any], host: dict[str, Any]) -> str:
    """What is known of a guest that is in ``host``, or is that one."""
    if host["state"] != "running":
        return state_words(host["state"])
    if guest["answer"] is None:
        return state_words("running") if guest is host else _NOT_ASKED
    return state_words("running") if guest["answer"] == "answers" else _answer(guest["answer"])


def _answer(answer: str) -> str:
    return _ANSWERS.get(answer, answer)


def _answers(entry: dict[str, Any]) -> list[str]:
    """What guests were asked, and what to do about those that do not answer or run; or how to ask them."""
    members = [(guest, each) for guest in entry["guests"] for each in (guest, *guest["inner"])]
    lines: list[str] = []
    for _, each in members:
        label = f"{entry['instance']}/{each['name']}"
        if each["answer"] == _SILENT:
            remedy = errors.start_anew(label)
            lines.append(msg("{label} is up, and does not answer; {remedy}", label=label, remedy=remedy))
    down = [guest["name"] for guest in entry["guests"] if guest["state"] in _OFF]
    if len(down) == len(entry["guests"]) > 1:
        remedy = errors.start_it(entry["instance"])
        name = entry["instance"]
        lines.append(msg("{name}: all guests are stopped; {remedy}", name=name, remedy=remedy))
        down = []
    mended = [guest["name"] for guest in entry["guests"] if guest["lost_disks"]]  # by another verb
    down = [name for name in down if name not in mended]
    down += [each["name"] for _, each in members if each["answer"] == _STOPPED]
    for label in (f"{entry['instance']}/{name}" for name in down):
        remedy = errors.start_it(label)
        lines.append(msg("{label} is stopped; {remedy}", label=label, remedy=remedy))
    unasked = [each["name"] for guest, each in members if _state(each, guest) == _NOT_ASKED]
    if unasked:
        lines.append(
            msg(
                "{instance}: whether {guests} run, their hosts know: {virtlab} status {instance} --ask",
                instance=entry["instance"],
                guests=", ".join(unasked),
            )
        )
    return lines


def _lost(entry: dict[str, Any]) -> list[str]:
    """What somebody took away from an instance, and the verb that mends it."""
    lines: list[str] = [
        msg(
            "{instance}: network {network} is stopped or gone, and its guests are cut off; to bring it back, "
            "and start them anew: {command}",
            instance=entry["instance"],
            network=name,
            command=entry["up"],
        )
        for name in entry["lost_networks"]
    ]
    lines += [
        msg(
            "{guest}: cut off from network {networks}, which was stopped and started again; to start the "
            "guest anew: {command}",
            guest=f"{entry['instance']}/{guest['name']}",
            networks=", ".join(guest["cut_off"]),
            command=entry["up"],
        )
        for guest in entry["guests"]
        if guest["cut_off"]
    ]
    for guest in entry["guests"]:
        if guest["lost_disks"]:
            label, running = (
                f"{entry['instance']}/{guest['name']}",
                guest["state"] not in _OFF,
            )
            numbers = ", ".join(map(str, guest["lost_disks"]))
            lost = msg("the file of disk {numbers} was deleted, and what is on it is lost", numbers=numbers)
            if running:
                lost = msg(
                    "the file of disk {numbers} was deleted, and what is on it is lost when the guest stops",
                    numbers=numbers,
                )
            lines.append(
                msg(
                    "{label}: {lost}; to make an empty one: {command}",
                    label=label,
                    lost=lost,
                    command=entry["up"],
                )
            )
    return lines


def _used(usage: dict[str, Any] | None) -> tuple[str, str]:
    resident = usage["resident"] if usage else None
    processor = usage["processor"] if usage else None
    return (
        "" if resident is None else rough_size(resident),
        "" if processor is None else f"{processor:.2f}",
    )


def bare(address: str) -> str:
    """An address without its prefix length."""
    return address.partition("/")[0]
