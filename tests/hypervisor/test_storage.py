"""The pool, its volumes, and shared images, on libvirt's test driver."""

from __future__ import annotations

import pytest
from marked import MINE

from provisioner import errors, render
from provisioner.hypervisor import image_volumes
from provisioner.hypervisor.connection import Connection
from provisioner.hypervisor.storage import Pool
from provisioner.model import naming
from provisioner.model.naming import ImageSet
from provisioner.model.observed import ObservedVolume

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


def test_volumes_are_seen_by_their_names(conn: Connection) -> None:
    pool = opened(conn)
    image = ImageSet("tiny", "0" * 12, "1" * 16, "learner")
    for name in (MINE.volume("one", 1), MINE.volume("one", 0), image.volume("kernel"), "other", "virtlab.x"):
        pool.create_volume(name, render.volume_xml(name, 4096, fmt="qcow2"))
    observed = conn.look(pool)
    assert observed.volumes == tuple(
        ObservedVolume(MINE.volume("one", i), MINE, f"one.disk{i}.qcow2") for i in (0, 1)
    )
    assert conn.look().volumes == ()
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
