"""The results of ``up`` and of ``plan``, as data and as pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner.language import joined, msg
from provisioner.model.enums import Accel
from provisioner.model.plan import Plan, Step, Verb, renamed
from provisioner.report.preferred_language import local
from provisioner.report.terminal import table, text
from provisioner.report.terminal.labs_page import in_language
from provisioner.report.terminal.status_page import ACCEL, bare, guest_data
from provisioner.report.terminal.wrap import wrapped
from provisioner.units import format_seconds

if TYPE_CHECKING:
    from provisioner.lifecycle.execution import Result
    from provisioner.lifecycle.preparation import Prepared
    from provisioner.model.lab import Guest
    from provisioner.model.metadata import GuestMetadata
    from provisioner.verbs.up import Planned

# The words of the steps of a plan, which programs know by their names.
_VERBS: dict[str, str] = {
    each: each
    for each in (
        *(msg("create"), msg("replace"), msg("restart"), msg("start"), msg("update"), msg("remove")),
        *(msg("keep"), msg("leave")),
    )
}
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
        data["changes"], data["loses"] = [change.data() for change in each.changes], each.loses
        data["deleted_disks"] = list(each.emptied)
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
        "former": list(prepared.former),
    }


def plan_names(prepared: Prepared) -> list[str]:
    """The networks and guests that would be changed."""
    return [s.name for s in (*prepared.plan.networks, *prepared.plan.guests) if s.changes_something]


def plan_page(planned: Planned) -> str:
    """The plan for people."""
    prepared = planned.prepared
    head = msg(
        "{instance} on {uri} ({why})",
        instance=prepared.origin.instance,
        uri=planned.uri,
        why=planned.uri_reason,
    )
    lines: list[str] = [head, *(renamed(name, prepared.instance.name) for name in prepared.former)]
    if not prepared.plan.changes_something:
        return text.told(joined("\n", (*lines, msg("nothing to do: it is as its file says"))))
    lines.append(changes_page(prepared.plan))
    lines += [_line(step, step.name) for step in prepared.plan.inner]
    lines += [msg("leave out {name}: it is optional", name=name) for name in prepared.origin.choices.left_out]
    for decision in dict.fromkeys(prepared.decisions.values()):
        names = ", ".join(name for name, each in prepared.decisions.items() if each == decision)
        lines.append(joined(": ", (names, ACCEL[decision.accel], decision.why)))
    return text.told(joined("\n", lines))


def changes_page(plan: Plan) -> str:
    """Each step that changes something, with its reason and with what is lost by it."""
    lines: list[str] = []
    for step in (*plan.networks, *plan.guests):
        if not step.changes_something:
            continue
        is_network = step in plan.networks
        lines.append(_line(step, msg("network {name}", name=step.name) if is_network else step.name))
        lines += [f"    {change}" for change in step.changes]
        lines += [
            joined("", ("    ", msg("disks[{number}]: its file was deleted → empty", number=i)))
            for i in step.emptied
        ]
        if step.loses:
            lines.append(msg("    this loses {what}", what=step.loses))
    return joined("\n", lines)


def _line(step: Step, what: str) -> str:
    return msg(
        "{verb} {what}: {reason}", verb=_VERBS.get(step.verb, step.verb), what=what, reason=step.reason
    )


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
    head = (msg("guest"), msg("machine"), msg("accelerator"), msg("disk"), msg("network"), msg("address"))
    lines: list[str] = [table.columns((*head, msg("ready")), rows)]
    choices = result.origin.choices
    whys = {
        guest.mark.accel_why: guest.mark.accel
        for guest in result.guests
        if choices.accel_for(guest.guest) is Accel.AUTO
    }
    lines += [joined(": ", (ACCEL[accel], why)) for why, accel in whys.items()]
    if not result.plan.changes_something and not any(one.is_new for one in result.inner):
        lines.insert(0, msg("{name} is up already, as its file says", name=name))
    lines += [
        msg("{guest}: optional, and not up: {command}", guest=guest, command=result.origin.with_guest(guest))
        for guest in result.origin.choices.left_out
    ]
    trusted = result.origin.trusted
    if result.user_mode and trusted:
        lines.append(
            msg("network: user-mode; the guests reach this host and the outside, but not one another")
        )
    elif result.user_mode:
        lines.append(
            msg("network: user-mode; the guests reach neither this host, the outside nor one another")
        )
    elif choices.trust:
        lines.append(msg("network: trusted; the guests reach this host's services, too"))
    if result.lab.description and result.is_new:
        lines += ["", *wrapped(in_language(result.lab.description), text.measure(_COLUMNS))]
    if result.guests and result.is_new:
        lines += ["", msg("next:"), *_next(result)]
    return text.told(joined("\n", lines))


def _next(result: Result) -> list[str]:
    """Commands to paste: those of the lesson where the lab has one, or else a look into a guest."""
    name, members = result.origin.instance, result.members
    first = members[0].name
    verbs = [
        ("console", f"{name}/{members[-1].name}", msg("sit at a guest")),
        ("down", name, msg("take it away")),
    ]
    if len(members) > 1:
        verbs.insert(0, ("compare", name, msg("the guests beside each other, from inside")))
    else:
        verbs.insert(0, ("exec", f"{name}/{first} -- lspci -k", msg("the devices that it finds")))
    if (result.lab.file.parent / "guide.en.md").is_file():
        verbs.insert(0, ("guide", name, msg("the lesson")))
    commands = [
        text.spelled(msg("  {virtlab} {verb} {target}", verb=verb, target=target))
        for verb, target, _ in verbs
    ]
    widest = max(map(len, commands))
    return [
        text.for_shell(f"{command:{widest}}  # {local(what)}")
        for command, (_, _, what) in zip(commands, verbs, strict=True)
    ]


def _up_rows(result: Result) -> list[tuple[str, ...]]:
    """A row for each guest. Guests inside another one stand below it."""
    rows: dict[str, tuple[str, ...]] = {}
    for guest in result.guests:
        ready = msg("already") if guest.verb is Verb.KEEP else "-"
        if guest.ready_after is not None:
            ready = format_seconds(guest.ready_after)
        rows[guest.name] = _up_row(guest.guest, guest.mark, ready)
    hosts = {name: name for name in rows}
    by_host = {name: [row] for name, row in rows.items()}
    for one in result.inner:
        ready = msg("already") if one.seconds is None else format_seconds(one.seconds)
        host = hosts[one.guest.name] = hosts[str(one.guest.parent)]
        where = msg("{kind} in {parent}", kind=one.guest.kind, parent=one.guest.parent)
        by_host[host].append((one.guest.name, where, "", "", "", "", ready))
    return [row for each in by_host.values() for row in each]


def _up_row(guest: Guest, mark: GuestMetadata, ready: str) -> tuple[str, ...]:
    return (
        guest.name,
        guest.machine,
        ACCEL[mark.accel],
        ", ".join(disk.bus for disk in guest.disks) or msg("none"),
        ", ".join(interface.model for interface in guest.interfaces) or msg("none"),
        ", ".join(bare(a.address) for a in mark.addresses) or msg("none"),
        ready,
    )
