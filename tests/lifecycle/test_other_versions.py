"""Labs that another version of virtlab brought up, on the daemon in memory."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from provisioner import errors
from provisioner.lifecycle import power
from provisioner.model.metadata import FORMAT
from tests.fakes.guests import OFF, RUNNING
from tests.fakes.world import TWO, World

Change = Callable[[dict[str, Any]], dict[str, Any]]
_TEXT = re.compile(r"(<virtlab:stamp[^>]*>)(.*?)(</virtlab:stamp>)", re.DOTALL)


def rewrite(world: World, change: Change, *names: str) -> None:
    """Has the domains and networks of those names carry other metadata; all of them where none is named."""

    def changed(match: re.Match[str]) -> str:
        data = change(json.loads(html.unescape(match[2])))
        return f"{match[1]}{html.escape(json.dumps(data), quote=False)}{match[3]}"

    for stored in (*world.daemon.domains.values(), *world.daemon.networks.values()):
        if not names or stored.name in names:
            stored.xml, count = _TEXT.subn(changed, stored.xml)
            assert count == 1
    world.reconnect()


def as_format_1(data: dict[str, Any]) -> dict[str, Any]:
    kind = data["kind"]
    return {**data, "format": 1, kind: data[kind]["name"], "definition": data[kind]}


def later(data: dict[str, Any]) -> dict[str, Any]:
    del data
    return {"format": FORMAT + 1, "and": ["something", "else"]}


def test_a_lab_of_format_1_is_kept_stopped_started_and_taken_down(world: World) -> None:
    world.up()
    rewrite(world, as_format_1)
    with world.unchanged():
        assert not world.prepare().plan.changes_something
        world.up()
    guests = power.chosen(world.session, world.instance, None)
    power.stop(world.session, guests, world.told, timeout=0.4)
    assert world.states() == {"one": OFF, "two": OFF}
    guests = power.chosen(world.session, world.instance, None)
    power.start(world.session, guests, world.told, timeout=0.4)
    assert world.states() == {"one": RUNNING, "two": RUNNING}
    world.down()
    assert not world.states()
    assert not world.volumes()


def test_an_edit_of_a_lab_of_format_1_is_told_as_ever(world: World) -> None:
    world.up()
    rewrite(world, as_format_1)
    changed = TWO.replace("  two:\n    memory: 96 MiB", "  two:\n    memory: 128 MiB")
    step = world.prepare(changed).plan.guest("two")
    assert step.changes == ("memory: 96 MiB → 128 MiB",)


@pytest.mark.parametrize("part", ["guest", "network", "everything"])
def test_nothing_that_a_later_version_made_is_touched(world: World, part: str) -> None:
    world.up()
    names = {"guest": (world.domain("one"),), "network": tuple(world.daemon.networks), "everything": ()}
    rewrite(world, later, *names[part])
    with world.unchanged():
        for verb in (world.down, world.up, world.prepare):
            with pytest.raises(errors.ConflictError, match="made by a later version of virtlab") as caught:
                verb()
            assert caught.value.hint == "update virtlab, or go on with the version that made it"
    assert world.states() == {"one": RUNNING, "two": RUNNING}


def test_other_labs_go_on_beside_it_and_keep_the_images(world: World) -> None:
    world.up()
    rewrite(world, later)
    images = set(world.daemon.pools["virtlab"].volumes)
    world.builder.version = 2
    world.up(TWO.replace("name: pair", "name: other"), instance="other")
    assert images < set(world.daemon.pools["virtlab"].volumes)
