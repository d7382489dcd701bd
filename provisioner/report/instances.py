"""Running labs, as data and as pages: what up did, what a plan would do, what is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from provisioner.plan import Plan, Step, Verb
from provisioner.report import text
from provisioner.seen import Seen
from provisioner.stamp import GuestStamp
from provisioner.units import format_seconds, format_size

if TYPE_CHECKING:
    from provisioner.accel import Decision
    from provisioner.engine.launch import Launched
    from provisioner.engine.up import Prepared, Result
    from provisioner.hypervisor.connection import Choice

_ACCEL = {"kvm": "KVM", "tcg": "emulation (TCG)"}


def plan_data(prepared: Prepared, decisions: Mapping[str, Decision]) -> dict[str, Any]:
    """The plan as plain data."""

    def step(kind: str, each: Step) -> dict[str, Any]:
        data: dict[str, Any] = {
            "kind": kind,
            "name": each.name,
            "action": str(each.verb),
            "reason": each.reason,
        }
        data["changes"], data["loses"] = list(each.changes), each.loses
        if each.name in decisions and kind == "guest":
            data["accel"], data["accel_why"] = decisions[each.name].accel, decisions[each.name].why
        return data

    steps = [step("network", s) for s in prepared.plan.networks]
    steps += [step("guest", s) for s in prepared.plan.guests]
    return {"instance": prepared.origin.instance, "lab": prepared.lab.name, "steps": steps}


def plan_page(prepared: Prepared, decisions: Mapping[str, Decision], choice: Choice) -> str:
    """The plan for people."""
    head = f"{prepared.origin.instance} on {choice.uri} ({choice.why})"
    if not prepared.plan.changes_something:
        return f"{head}\nnothing to do: it is as its file says"
    lines = [head, changes_page(prepared.plan)]
    for name, decision in decisions.items():
        lines.append(f"{name} runs with {_ACCEL[decision.accel]}: {decision.why}")
    return "\n".join(lines)


def changes_page(plan: Plan) -> str:
    """Each step that changes something, why, and what is lost by it."""
    lines = []
    for kind, steps in (("network ", plan.networks), ("", plan.guests)):
        for step in steps:
            if not step.changes_something:
                continue
            lines.append(f"{step.verb} {kind}{step.name}: {step.reason}")
            lines += [f"    {change}" for change in step.changes]
            if step.loses:
                lines.append(f"    this loses {step.loses}")
    lines += [f"remove {volume}: left over from a run that did not end" for volume in plan.leftovers]
    return "\n".join(lines)


def up_data(result: Result) -> dict[str, Any]:
    """What up did, with its times in seconds."""
    return {
        "instance": result.origin.instance,
        "lab": result.origin.lab,
        "seconds": round(result.seconds, 3),
        "guests": [
            {
                **guest_data(guest.mark, "running"),
                "action": str(guest.verb),
                "ready_after": None if guest.ready_after is None else round(guest.ready_after, 3),
                "phases": {name: round(seconds, 3) for name, seconds in guest.phases.items()},
                "boot": guest.boot,
            }
            for guest in result.guests
        ],
    }


def up_page(result: Result) -> str:
    """What is up now, and what to type next."""
    name = result.origin.instance
    rows = [_up_row(guest) for guest in result.guests]
    lines = [text.columns(("guest", "machine", "accelerator", "disk", "network", "address", "ready"), rows)]
    whys = {g.mark.accel_why: g.mark.accel for g in result.guests if g.mark.accel_why != "asked for"}
    lines += [f"{_ACCEL[accel]}: {why}" for why, accel in whys.items()]
    if not result.plan.changes_something:
        lines.insert(0, f"{name} is up already, as its file says")
    if result.guests:
        first, last = result.guests[0].name, result.guests[-1].name
        cmd = text.command()
        lines += [
            "",
            "next:",
            f"  {cmd} exec {name}/{first} -- lspci -k",
            f"  {cmd} console {name}/{last}",
            f"  {cmd} down {name}",
        ]
    return "\n".join(lines)


def _up_row(guest: Launched) -> tuple[str, ...]:
    model = guest.guest
    ready = "already" if guest.verb is Verb.KEEP else "-"
    if guest.ready_after is not None:
        ready = format_seconds(guest.ready_after)
    return (
        model.name,
        model.machine,
        _ACCEL[guest.mark.accel],
        ", ".join(disk.bus for disk in model.disks) or "none",
        ", ".join(interface.model for interface in model.interfaces) or "none",
        ", ".join(_bare(a.address) for a in guest.mark.addresses) or "none",
        ready,
    )


def guest_data(mark: GuestStamp, state: str) -> dict[str, Any]:
    """A guest as its stamp knows it."""
    return {
        "name": mark.guest,
        "state": state,
        "domain": mark.origin.key.domain(mark.guest),
        "accel": mark.accel,
        "accel_why": mark.accel_why,
        "machine": mark.definition["machine"],
        "memory": mark.definition["memory"],
        "disks": mark.definition["disks"],
        "interfaces": [
            {
                "model": i["model"],
                "network": a.network,
                "mac": a.mac,
                "address": a.address,
                "gateway": a.gateway,
            }
            for i, a in zip(mark.definition["interfaces"], mark.addresses, strict=True)
        ],
        "images": mark.images,
        "inner": [inner["name"] for inner in mark.inner],
    }


def status_data(choice: Choice, seen: Seen) -> list[dict[str, Any]]:
    """Each instance of what is seen, as plain data."""
    found = []
    for instance in seen.instances():
        own = seen.of(instance)
        origin = own.origin()
        guests = [guest_data(domain.stamp, domain.state) for domain in own.domains]
        present = {domain.guest for domain in own.domains}
        found.append(
            {
                "instance": instance.name,
                "lab": origin.lab if origin else None,
                "file": origin.file if origin else None,
                "owner": origin.user if origin else instance.owner,
                "connection": choice.uri,
                "accel_flag": origin.choices.accel if origin else None,
                "set": list(origin.choices.sets) if origin else [],
                "networks": [
                    {"name": n.network, "active": n.active, "subnet": n.stamp.subnet} for n in own.networks
                ],
                "guests": guests,
                "leftovers": [v.name for v in own.volumes if v.part.partition(".")[0] not in present],
            }
        )
    return found


def status_page(found: list[dict[str, Any]]) -> str:
    """The instances for people."""
    if not found:
        return f"nothing is up\nnext: {text.command()} list, then {text.command()} up LAB"
    rows = []
    for entry in found:
        for guest in entry["guests"]:
            rows.append(
                (
                    f"{entry['instance']}/{guest['name']}",
                    guest["state"],
                    _ACCEL[guest["accel"]],
                    format_size(guest["memory"]),
                    ", ".join(_bare(i["address"]) for i in guest["interfaces"]) or "none",
                    entry["connection"],
                )
            )
            rows += [
                (f"{entry['instance']}/{inner}", f"in {guest['name']}", "", "", "", "")
                for inner in guest["inner"]
            ]
    lines = (
        [text.columns(("guest", "state", "accelerator", "memory", "address", "connection"), rows)]
        if rows
        else []
    )
    for entry in found:
        if not entry["guests"] or entry["leftovers"]:
            lines.append(
                f"{entry['instance']}: something is left of a run that did not end; "
                f"{text.command()} down {entry['instance']} removes it"
            )
        chosen = [*(f"--set {s}" for s in entry["set"])]
        chosen += [f"--accel {entry['accel_flag']}"] if entry["accel_flag"] else []
        if chosen:
            lines.append(f"{entry['instance']} keeps {' '.join(chosen)} until it goes down")
    return "\n".join(lines)


def _bare(address: str) -> str:
    return address.partition("/")[0]
