"""Images on the daemon in memory: found, uploaded, broken off in the middle, replaced, shared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner import errors, render
from provisioner.hypervisor import image_volumes
from provisioner.lifecycle import image_upload, lab_files, power
from provisioner.lifecycle.image_upload import Images, boot_files
from provisioner.units import MIB
from tests.fakes.daemon import failure
from tests.fakes.guests import OFF, RUNNING
from tests.fakes.storage import StoredPool
from tests.fakes.world import TWO, World


def images_of(world: World) -> Images:
    return Images(world.session, image_upload.open_pool(world.session), world.told)


def complete(world: World) -> list[str]:
    """The digests of the images that guests may use."""
    return [image.set.digest for image in image_volumes.stored_on(world.session.conn)]


def test_an_image_is_built_and_uploaded_once(world: World) -> None:
    image = images_of(world).current("tiny")
    volumes = world.daemon.pools["virtlab"].volumes
    for role in ("kernel", "initrd"):
        assert bytes(volumes[image.set.volume(role)].content) == f"{role} of version 1".encode()
    assert image.memory == {"tiny": world.builder.least}
    assert images_of(world).current("tiny") == image
    assert world.builder.built == ["tiny"]


def test_who_uses_the_image_of_another_user_knows_what_it_needs(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images_of(world).current("tiny")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # of one who has built none
    lab = lab_files.load(*lab_files.locate(world.lab()))
    assert image_upload.known_here(lab) == {}
    images_of(world).prepare("tiny", refresh=False)
    known = image_upload.known_here(lab)
    assert {name: dict(image.memory) for name, image in known.items()} == {
        guest: {"tiny": world.builder.least} for guest in ("one", "two")
    }
    assert world.builder.built == ["tiny"]


@pytest.mark.parametrize(
    ("call", "after"),
    [
        ("stream.send", 0),
        ("stream.send", 1),
        ("stream.finish", 0),
        ("pool.createXML", 3),
        ("pool.createXML", 4),
    ],
)
def test_an_upload_that_breaks_off_is_no_image_and_the_next_one_replaces_it(
    world: World, call: str, after: int
) -> None:
    world.daemon.on(call, world.line.cut, after=after)
    with pytest.raises(errors.ConnectionFailed):
        images_of(world).current("tiny")
    assert world.daemon.pools["virtlab"].volumes  # half of it
    world.reconnect()
    assert complete(world) == []
    image = images_of(world).current("tiny")
    assert complete(world) == [image.set.digest]
    kernel = world.daemon.pools["virtlab"].volumes[image.set.volume("kernel")]
    assert bytes(kernel.content) == b"kernel of version 1"


def test_a_disk_that_is_full_is_said_with_libvirts_words(world: World) -> None:
    def full() -> None:
        raise failure("SYSTEM_ERROR", "cannot write to stream: No space left on device", "STREAMS")

    world.daemon.on("stream.send", full)
    with pytest.raises(errors.HypervisorError, match=r"can't upload image tiny: .*No space left on device"):
        world.up()
    assert not world.states()
    assert not world.daemon.networks  # they were made at the same time


def test_a_pool_without_room_for_an_image_is_said_before_the_upload(world: World) -> None:
    world.host.disk = 256 * MIB  # enough for disks, and not a byte more
    with pytest.raises(errors.HypervisorError, match="only 256 MiB is free in /var/lib/libvirt/images"):
        world.up()
    assert "volume.upload" not in world.daemon.calls
    assert not world.states()


def test_a_newer_image_replaces_one_that_nobody_uses(world: World) -> None:
    images_of(world).current("tiny")
    world.builder.version = 2
    images_of(world).prepare("tiny", refresh=True)
    assert complete(world) == ["0" * 15 + "2"]
    assert any(line.startswith("note: removed image tiny") for line in world.told.lines)


def test_a_guest_keeps_the_image_that_it_was_made_with(world: World) -> None:
    world.up()
    world.builder.version = 2
    images_of(world).prepare("tiny", refresh=True)
    assert complete(world) == ["0" * 15 + "1", "0" * 15 + "2"]
    world.daemon.domains[world.domain("one")].state = OFF
    world.up()
    used = {text for d in world.session.look().domains for text in d.metadata.images.values()}
    assert {text.split(".")[2] for text in used} == {"0" * 15 + "1"}
    world.down()
    images_of(world).prepare("tiny", refresh=True)
    assert complete(world) == ["0" * 15 + "2"]


def test_a_guest_of_somebody_else_keeps_my_image_alive(world: World) -> None:
    images_of(world).current("tiny")
    mine, world.session = world.session, world.session_of("somebody")
    world.up()
    assert world.builder.built == ["tiny"]  # theirs boots what I uploaded
    world.session = mine
    world.builder.version = 2
    images_of(world).prepare("tiny", refresh=True)
    assert "0" * 15 + "1" in complete(world)


def deleted(pool: StoredPool, name: str) -> None:
    del pool.volumes[name]


def deleted_unseen(pool: StoredPool, name: str) -> None:
    pool.deleted.add(name)


def cut_off(pool: StoredPool, name: str) -> None:
    del pool.volumes[name].content[4:]


def another(pool: StoredPool, name: str) -> None:
    pool.volumes[name].content[:] = pool.volumes[name].content[::-1]


DAMAGES = pytest.mark.parametrize("damage", [deleted, deleted_unseen, cut_off, another])
PARTS = pytest.mark.parametrize("part", ["kernel", "initrd"])
AGAIN = "note: image tiny: a file of it in the pool was deleted or changed: it is uploaded again"


@DAMAGES
@PARTS
def test_an_image_that_somebody_damaged_is_uploaded_again_before_anything_starts(
    world: World, damage: Callable[[StoredPool, str], None], part: str
) -> None:
    image = images_of(world).current("tiny")
    pool, name = world.daemon.pools["virtlab"], image.set.volume(part)
    damage(pool, name)
    assert complete(world) == []
    assert image_volumes.damaged(image_upload.open_pool(world.session)) == [image.set]
    world.up()
    assert AGAIN in world.told.lines
    assert bytes(pool.volumes[name].content) == f"{part} of version 1".encode()
    assert not pool.deleted
    assert complete(world) == [image.set.digest]
    assert image_volumes.damaged(image_upload.open_pool(world.session)) == []


@DAMAGES
def test_start_uploads_the_image_of_a_stopped_guest_again(
    world: World, damage: Callable[[StoredPool, str], None]
) -> None:
    world.up()
    (image,) = image_volumes.stored_on(world.session.conn)
    for domain in world.daemon.domains.values():
        domain.state = OFF
    pool, name = world.daemon.pools["virtlab"], image.set.volume("initrd")
    damage(pool, name)
    guests = power.chosen(world.session, world.instance, None)
    power.start(world.session, guests, world.told, timeout=0.4, cancelled=world.cancelled)
    assert AGAIN in world.told.lines
    assert bytes(pool.volumes[name].content) == b"initrd of version 1"
    assert world.states() == {"one": RUNNING, "two": RUNNING}


def test_start_does_not_take_another_image_for_one_that_is_gone(world: World) -> None:
    world.up()
    (image,) = image_volumes.stored_on(world.session.conn)
    for domain in world.daemon.domains.values():
        domain.state = OFF
    deleted(world.daemon.pools["virtlab"], image.set.volume("initrd"))
    world.builder.version = 2
    guests = power.chosen(world.session, world.instance, None)
    with pytest.raises(errors.ImageError, match="is gone from the pool") as caught:
        power.start(world.session, guests, world.told, timeout=0.4, cancelled=world.cancelled)
    assert caught.value.hint == "to start the guests from that one: {virtlab} up LAB"
    world.up()
    assert world.states() == {"one": RUNNING, "two": RUNNING}


def test_a_guest_goes_on_with_an_image_that_an_earlier_version_uploaded(world: World) -> None:
    """It has no mark that tells how its files were. New guests get one that has."""
    world.up()
    pool = world.daemon.pools["virtlab"]
    for name in [name for name in pool.volumes if ".whole-" in name]:
        del pool.volumes[name]
    (image,) = image_volumes.stored_on(world.session.conn)
    assert not image.checked
    world.daemon.domains[world.domain("one")].state = OFF
    world.up()
    assert image_volumes.stored_on(world.session.conn) == [image]
    world.up(instance="second")
    (image,) = image_volumes.stored_on(world.session.conn)
    assert image.checked


def test_an_image_without_what_a_firmware_boots(world: World) -> None:
    image = images_of(world).current("tiny")
    assert boot_files(image, "bios").kernel
    del image.paths["kernel"]
    with pytest.raises(errors.ImageError, match="image tiny has nothing that bios can boot") as caught:
        boot_files(image, "bios")
    assert "prepare LAB --refresh" in (caught.value.hint or "")


def test_the_image_of_a_running_guest_that_somebody_deleted(world: World) -> None:
    """The guest is made again from the image of today, which the plan says beforehand."""
    world.up()
    world.daemon.pools["virtlab"].volumes.clear()
    world.daemon.domains[world.domain("one")].state = OFF
    world.builder.version = 2
    world.up(TWO)
    assert complete(world) == ["0" * 15 + "2"]


def test_a_pool_of_that_name_that_is_not_ours(world: World) -> None:
    world.line.storagePoolDefineXML(render.pool_xml("/somewhere/else"))
    with world.unchanged(), pytest.raises(errors.ConflictError, match="a storage pool virtlab in /somewhere"):
        world.up()


def test_a_pool_that_stands_still_after_a_restart_of_the_host(world: World) -> None:
    world.up()
    world.daemon.pools["virtlab"].active = False
    with world.unchanged():
        world.up()
    assert world.daemon.pools["virtlab"].active


def test_a_pool_that_another_makes_in_the_same_moment(world: World) -> None:
    other = world.session_of("somebody")
    world.daemon.on("connect.storagePoolDefineXML", lambda: image_upload.open_pool(other) and None)
    world.up()
    assert len(world.states()) == 2
