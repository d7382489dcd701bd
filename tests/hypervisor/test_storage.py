"""The pool, its volumes, and shared images, on libvirt's test driver."""

from __future__ import annotations

import dataclasses

import pytest
from marked import MINE, domain_xml, guest_metadata

from provisioner import errors, render
from provisioner.hypervisor import image_volumes
from provisioner.hypervisor.connection import Connection
from provisioner.hypervisor.storage import Pool
from provisioner.model import metadata, naming
from provisioner.model.naming import ImageSet
from provisioner.model.observed import ObservedDoubtful
from tests.unit.worlds import guest as sample_guest

PATH = "/virtlab-test-pool"


def opened(conn: Connection, path: str = PATH) -> Pool:
    return conn.open_pool(render.pool_xml(path), path)


def test_a_pool_is_made_and_found_again(conn: Connection) -> None:
    pool = opened(conn)
    assert (pool.handle.name(), pool.handle.isActive(), pool.folder) == ("virtlab", 1, PATH)
    again = opened(conn)
    assert again.handle.UUIDString() == pool.handle.UUIDString()
    pool.handle.destroy()
    assert opened(conn).handle.isActive()


def test_a_pool_of_that_name_elsewhere_is_not_ours(conn: Connection) -> None:
    other = conn.handle.storagePoolDefineXML(render.pool_xml("/elsewhere"))
    for start in (False, True):
        if start:
            other.create()
        with pytest.raises(errors.ConflictError, match="a storage pool virtlab in /elsewhere") as caught:
            opened(conn)
        assert caught.value.hint == "give that one another name: virsh pool-edit virtlab"
        assert (Pool(other).folder, other.isActive()) == ("/elsewhere", start)


def test_only_metadata_proves_whose_a_volume_is(conn: Connection) -> None:
    """A name may be anybody's; that a guest's metadata has a disk of that name is proof."""
    mark = dataclasses.replace(guest_metadata(), guest=sample_guest("one", interfaces=()))
    assert len(mark.guest.disks) == 1
    conn.handle.defineXMLFlags(domain_xml(MINE.domain("one"), metadata.dumps(mark)), 0)
    pool = opened(conn)
    image = ImageSet("tiny", "0" * 12, "1" * 16, "learner")
    doubtful = [
        MINE.volume("one", 1),  # one disk more than it has
        f"{MINE.volume('one', 0)}.bak",
        MINE.volume("two", 0),
        f"{MINE.prefix}notes",
    ]
    for name in (MINE.volume("one", 0), *doubtful, image.volume("kernel"), "other", "virtlab.x"):
        pool.create_volume(name, render.volume_xml(name, 4096, fmt="qcow2"))
    observed = conn.look(pool)
    assert observed.doubtful == tuple(
        ObservedDoubtful(name, MINE, name.removeprefix(MINE.prefix), "volume") for name in sorted(doubtful)
    )
    assert [domain.lost_disks for domain in observed.domains] == [()]
    assert conn.look().doubtful == ()


def test_no_volume_of_a_lab_of_a_later_version_is_in_doubt(conn: Connection) -> None:
    conn.handle.defineXMLFlags(domain_xml(MINE.domain("one"), '{"format":99}'), 0)
    pool, name = opened(conn), MINE.volume("two", 0)
    pool.create_volume(name, render.volume_xml(name, 4096, fmt="qcow2"))
    assert [each.kind for each in conn.look(pool).doubtful] == []


def test_a_disk_that_is_not_there_is_noticed(conn: Connection) -> None:
    mark = dataclasses.replace(guest_metadata(), guest=sample_guest("one", interfaces=()))
    conn.handle.defineXMLFlags(domain_xml(MINE.domain("one"), metadata.dumps(mark)), 0)
    (domain,) = conn.look(opened(conn)).domains
    assert domain.lost_disks == (0,)
    assert conn.look().domains[0].lost_disks == ()  # nobody looked


def test_a_pool_that_stands_still_is_started(conn: Connection) -> None:
    pool = opened(conn)
    pool.handle.destroy()
    again = conn.our_pool(PATH)  # as after a restart of the host
    assert again is not None
    assert again.handle.isActive()
    assert conn.our_pool("/elsewhere") is None


def test_a_volume_goes_once(conn: Connection) -> None:
    name = MINE.volume("one", 0)
    pool = opened(conn)
    pool.create_volume(name, render.volume_xml(name, 4096, fmt="raw"))
    assert pool.remove_volume(name) is True
    assert pool.remove_volume(name) is False


def upload(pool: Pool, key: ImageSet, *parts: str) -> None:
    """The volumes of an image, as an upload leaves them; the test driver takes no content."""
    for part in parts:
        pool.create_volume(key.volume(part), render.volume_xml(key.volume(part), 4096, fmt="raw"))


def test_only_complete_images_are_found(conn: Connection) -> None:
    assert image_volumes.stored_on(conn) == []
    pool = opened(conn)
    assert image_volumes.stored(pool) == []
    whole = ImageSet("tiny", "0" * 12, "1" * 16, "learner")
    half = ImageSet("tiny", "0" * 12, "2" * 16, "learner")
    upload(pool, half, "kernel", "initrd")
    upload(pool, whole, "kernel", "initrd", "complete")
    (image,) = image_volumes.stored(pool)
    assert image.set == whole
    assert image.paths["kernel"] == f"{PATH}/{naming.IMAGE_PREFIX}{whole.text}.kernel"
    assert image.paths["kernel"] == pool.handle.storageVolLookupByName(whole.volume("kernel")).path()
    assert image_volumes.stored_on(conn) == [image]
    pool.handle.destroy()
    assert image_volumes.stored_on(conn) == []


def test_images_that_nobody_uses_go(conn: Connection) -> None:
    pool = opened(conn)
    keep = ImageSet("tiny", "0" * 12, "1" * 16, "learner")
    old = ImageSet("tiny", "0" * 12, "2" * 16, "learner")
    half = ImageSet("tiny", "0" * 12, "3" * 16, "learner")
    used = ImageSet("tiny", "0" * 12, "4" * 16, "learner")
    theirs = ImageSet("tiny", "0" * 12, "5" * 16, "somebody")
    another = ImageSet("notes", "0" * 12, "6" * 16, "learner")
    for key in (keep, old, used, theirs, another):
        upload(pool, key, "kernel", "complete")
    upload(pool, half, "kernel")
    pool.create_volume("foreign", render.volume_xml("foreign", 1, fmt="raw"))
    removed = image_volumes.remove_unused(pool, keep, {used.text})
    assert removed == [old, half]
    assert {image.set for image in image_volumes.stored(pool)} == {keep, used, theirs, another}
    assert "foreign" in pool.handle.listVolumes()
    assert image_volumes.remove_unused(pool, keep, {used.text}) == []
