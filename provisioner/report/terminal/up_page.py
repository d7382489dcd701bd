"""The results of ``up`` and of ``plan``, as data and as pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner.model.enums import Accel
from provisioner.model.plan import Plan, Step, Verb
from provisioner.report.terminal import table, text
from provisioner.report.terminal.labs_page import in_language
from provisioner.report.terminal.status_page import ACCEL, bare, guest_data
from provisioner.report.terminal.wrap import wrapped
from provisioner.units import format_seconds

if TYPE_CHECKING:
    from provisioner.lifecycle.execution import Prepared, Result
    from provisioner.model.lab import Guest
    from provisioner.model.metadata import GuestMetadata
    from provisioner.verbs.up import Planned

_COLUMNS = 92  # of a description


def plan_data(prepared: Prepared) -> dict[str, Any]:
    """The plan as plain data."""
    decisions = prepared.decisions

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
    steps += [step("guest", s) for s in (*prepared.plan.guests, *prepared.plan.inner)]
    return {
        "instance": prepared.origin.instance,
        "lab": prepared.lab.name,
        "steps": steps,
        "left_out": list(prepared.origin.choices.left_out),
    }


def plan_names(prepared: Prepared) -> list[str]:
    """The networks and guests that would be changed."""
    return [s.name for s in (*prepared.plan.networks, *prepared.plan.guests) if s.changes_something]


def plan_page(planned: Planned) -> str:
    """The plan for people."""
    prepared = planned.prepared
    head = f"{prepared.origin.instance} on {planned.uri} ({planned.uri_reason})"
    if not prepared.plan.changes_something:
        return f"{head}\nnothing to do: it is as its file says"
    lines = [head, changes_page(prepared.plan)]
    lines += [f"{step.verb} {step.name}: {step.reason}" for step in prepared.plan.inner]
    lines += [f"leave out {name}: it is optional" for name in prepared.origin.choices.left_out]
    for decision in dict.fromkeys(prepared.decisions.values()):
        names = ", ".join(name for name, each in prepared.decisions.items() if each == decision)
        lines.append(f"{names}: {ACCEL[decision.accel]}: {decision.why}")
    return "\n".join(lines)


def changes_page(plan: Plan) -> str:
    """Each step that changes something, with its reason and with what is lost by it."""
    lines = []
    for kind, steps in (("network ", plan.networks), ("", plan.guests)):
        for step in steps:
            if not step.changes_something:
                continue
            lines.append(f"{step.verb} {kind}{step.name}: {step.reason}")
            lines += [f"    {change}" for change in step.changes]
            if step.loses:
                lines.append(f"    this loses {step.loses}")
    return "\n".join(lines)


def up_data(result: Result) -> dict[str, Any]:
    """The result of ``up`` as plain data, with times in seconds."""
    return {
        "instance": result.origin.instance,
        "lab": result.origin.lab,
        "left_out": list(result.origin.choices.left_out),
        "user_mode_network": result.user_mode,
        "seconds": round(result.seconds, 3),
        "phases": {name: round(seconds, 3) for name, seconds in result.phases.items()},
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
        "inner": [
            {
                "name": one.guest.name,
                "kind": str(one.guest.kind),
                "parent": one.guest.parent,
                "ready_after": None if one.seconds is None else round(one.seconds, 3),
            }
            for one in result.inner
        ],
    }


def up_page(result: Result) -> str:
    """What is up now, and what to type next."""
    name = result.origin.instance
    rows = _up_rows(result)
    lines = [table.columns(("guest", "machine", "accelerator", "disk", "network", "address", "ready"), rows)]
    choices = result.origin.choices
    whys = {
        guest.mark.accel_why: guest.mark.accel
        for guest in result.guests
        if choices.accel_for(guest.guest) is Accel.AUTO
    }
    lines += [f"{ACCEL[accel]}: {why}" for why, accel in whys.items()]
    if not result.plan.changes_something and not any(one.is_new for one in result.inner):
        lines.insert(0, f"{name} is up already, as its file says")
    lines += [
        f"{guest}: optional, and not up: {text.spelled(result.origin.with_guest(guest))}"
        for guest in result.origin.choices.left_out
    ]
    trusted = result.origin.trusted
    if result.user_mode:
        reach = "this host and the outside, but not" if trusted else "neither this host, the outside nor"
        lines.append(f"network: user-mode; the guests reach {reach} one another")
    elif choices.trust:
        lines.append("network: trusted; the guests reach this host's services, too")
    if result.lab.description:
        lines += ["", *wrapped(in_language(result.lab.description), text.measure(_COLUMNS))]
    if result.guests:
        lines += ["", "next:", *_next(result)]
    return "\n".join(lines)


def _next(result: Result) -> list[str]:
    """Commands to paste: those of the lesson where the lab has one, or else a look into a guest."""
    name, members = result.origin.instance, result.members
    first = members[0].name
    verbs = [
        ("console", f"{name}/{members[-1].name}", "sit at a guest"),
        ("down", name, "take it away"),
    ]
    if len(members) > 1:
        verbs.insert(0, ("compare", name, "the guests beside each other, from inside"))
    else:
        verbs.insert(0, ("exec", f"{name}/{first} -- lspci -k", "the devices that it finds"))
    if (result.lab.file.parent / "guide.en.md").is_file():
        verbs.insert(0, ("guide", name, "the lesson"))
    commands = [text.spelled(f"  {{virtlab}} {verb} {target}") for verb, target, _ in verbs]
    widest = max(map(len, commands))
    return [f"{command:{widest}}  # {what}" for command, (_, _, what) in zip(commands, verbs, strict=True)]


def _up_rows(result: Result) -> list[tuple[str, ...]]:
    """A row for each guest. Guests inside another one stand below it."""
    rows: dict[str, tuple[str, ...]] = {}
    for guest in result.guests:
        ready = "already" if guest.verb is Verb.KEEP else "-"
        if guest.ready_after is not None:
            ready = format_seconds(guest.ready_after)
        rows[guest.name] = _up_row(guest.guest, guest.mark, ready)
    hosts = {name: name for name in rows}
    by_host = {name: [row] for name, row in rows.items()}
    for one in result.inner:
        ready = "already" if one.seconds is None else format_seconds(one.seconds)
        host = hosts[one.guest.name] = hosts[str(one.guest.parent)]
        by_host[host].append(
            (one.guest.name, f"{one.guest.kind} in {one.guest.parent}", "", "", "", "", ready)
        )
    return [row for each in by_host.values() for row in each]


def _up_row(guest: Guest, mark: GuestMetadata, ready: str) -> tuple[str, ...]:
    return (
        guest.name,
        guest.machine,
        ACCEL[mark.accel],
        ", ".join(disk.bus for disk in guest.disks) or "none",
        ", ".join(interface.model for interface in guest.interfaces) or "none",
        ", ".join(bare(a.address) for a in mark.addresses) or "none",
        ready,
    )
