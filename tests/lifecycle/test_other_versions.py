"""Labs that another version of virtlab brought up, on the daemon in memory."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from provisioner import errors
from provisioner.hypervisor import image_volumes
from provisioner.lifecycle import image_upload, power
from provisioner.lifecycle.image_upload import Images
from provisioner.model.metadata import FORMAT
from tests.fakes.guests import OFF, RUNNING
from tests.fakes.world import TWO, World
from tests.unit.worlds import told

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
    power.stop(world.session, guests, world.told, timeout=0.4, cancelled=world.cancelled)
    assert world.states() == {"one": OFF, "two": OFF}
    guests = power.chosen(world.session, world.instance, None)
    power.start(world.session, guests, world.told, timeout=0.4, cancelled=world.cancelled)
    assert world.states() == {"one": RUNNING, "two": RUNNING}
    world.down()
    assert not world.states()
    assert not world.volumes()


def test_an_edit_of_a_lab_of_format_1_is_told_as_ever(world: World) -> None:
    world.up()
    rewrite(world, as_format_1)
    changed = TWO.replace("  two:\n    memory: 96 MiB", "  two:\n    memory: 128 MiB")
    step = world.prepare(changed).plan.guest("two")
    assert told(step) == ("memory: 96 MiB → 128 MiB",)


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


@pytest.mark.parametrize(("change", "stays"), [(later, True), (as_format_1, False)])
def test_an_image_that_a_later_version_may_use_is_not_removed(
    world: World, change: Change, stays: bool
) -> None:
    world.up()
    world.builder.version = 2
    pool = image_upload.open_pool(world.session)
    unused = Images(world.session, pool, world.told).prepare("tiny", refresh=True)
    rewrite(world, change)
    world.builder.version = 3
    Images(world.session, pool, world.told).prepare("tiny", refresh=True)
    left = {image.set.text for image in image_volumes.stored(pool)}
    assert len(left) == (3 if stays else 2)  # of version 1, which the guests use, and of version 3
    assert (unused.set.text in left) is stays


def test_another_lab_comes_up_beside_it(world: World) -> None:
    world.up()
    rewrite(world, later)
    before = world.daemon.domains.copy()
    world.up(TWO.replace("name: pair", "name: other"), instance="other")
    assert len(world.daemon.domains) == len(before) + 2
    assert {name: world.daemon.domains[name] for name in before} == before
