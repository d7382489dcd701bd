"""``up`` where a volume that is not virtlab's is in the way, on the daemon in memory: it stays."""

from __future__ import annotations

import pytest

from provisioner import errors
from provisioner.lifecycle import image_upload
from tests.fakes.guests import OFF
from tests.fakes.storage import StoredVolume
from tests.fakes.world import TWO, World


def by_hand(world: World, name: str) -> StoredVolume:
    """A volume that somebody made in the pool, with something in it."""
    image_upload.open_pool(world.session)
    return put(world, name)


def put(world: World, name: str) -> StoredVolume:
    """The same where the pool is there already, from within a call of virtlab's: it asks libvirt nothing."""
    volume = world.daemon.pools["virtlab"].volumes[name] = StoredVolume(1, bytearray(b"my work"))
    return volume


@pytest.mark.parametrize("name", ["one.disk1.qcow2", "one.disk0.qcow2.bak", "three.disk0.qcow2", "notes"])
def test_a_volume_that_is_only_named_like_ours_stays(world: World, name: str) -> None:
    name = world.instance.prefix + name
    mine = by_hand(world, name)
    world.up()
    assert not world.prepare().plan.changes_something
    world.down()
    assert world.daemon.pools["virtlab"].volumes[name] is mine
    assert world.session.look().instances() == []


def test_a_volume_in_the_way_of_a_disk_is_said_and_left(world: World) -> None:
    name = world.instance.volume("two", 0)
    mine = by_hand(world, name)
    with world.unchanged(), pytest.raises(errors.ConflictError, match="no metadata that proves it") as caught:
        world.up()
    assert f"virsh -c qemu:///system vol-delete --pool virtlab {name}" in (caught.value.hint or "")
    assert world.daemon.pools["virtlab"].volumes[name] is mine


def test_nobody_is_told_to_delete_the_disk_of_a_domain_whose_mark_is_broken(world: World) -> None:
    world.up()
    stored = world.daemon.domains[world.domain("two")]
    stored.xml = stored.xml.replace("kind", "broken")
    stored.state = OFF
    with world.unchanged(), pytest.raises(errors.ConflictError, match="there is a domain") as caught:
        world.up()
    assert "vol-delete" not in (caught.value.hint or "")
    before = world.volumes()
    world.down()
    assert world.volumes() == {world.instance.volume("two", 0)} < before


@pytest.mark.parametrize("known", [True, False])
def test_a_volume_in_the_way_that_appears_meanwhile_stays(world: World, known: bool) -> None:
    """Libvirt may know it as a volume, or it is a file that libvirt has not seen yet."""
    name = world.instance.volume("one", 0)

    def appear() -> None:
        if known:
            put(world, name)
        else:
            world.daemon.pools["virtlab"].unknown.add(name)

    world.daemon.on("connect.defineXMLFlags", appear)
    with pytest.raises(errors.ConflictError, match="which is left alone"):
        world.up(TWO.partition("  two:")[0])
    assert not world.states()
    assert world.volumes() == ({name} if known else set())


def test_a_volume_in_the_way_of_a_further_disk_stays_and_the_guest_does_not_claim_it(world: World) -> None:
    world.up()
    name = world.instance.volume("two", 1)
    more = TWO.replace("  two:\n", "  two:\n    disks: [{bus: virtio}, {bus: virtio}]\n")
    assert by_hand(world, name)
    with world.unchanged(), pytest.raises(errors.ConflictError, match="no metadata that proves it"):
        world.up(more)
    world.daemon.pools["virtlab"].volumes.pop(name)
    world.daemon.on("connect.defineXMLFlags", lambda: put(world, name) and None)
    with pytest.raises(errors.ConflictError, match="which is left alone"):
        world.up(more)
    world.down()
    assert world.volumes() == {name}
