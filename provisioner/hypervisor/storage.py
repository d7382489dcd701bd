"""virtlab's storage pool, and the volumes in it."""

from __future__ import annotations

import html
import re
from contextlib import suppress
from shlex import quote
from typing import TYPE_CHECKING

import libvirt

from provisioner import errors
from provisioner.hypervisor.failures import code_of, translate, translated
from provisioner.language import msg
from provisioner.model import naming

if TYPE_CHECKING:
    from provisioner.hypervisor.binding import RawConnection, RawPool, RawVolume

_GONE = (libvirt.VIR_ERR_NO_STORAGE_VOL,)
_STATE = re.compile(r"<(?:physical|mtime)[^>]*>([^<]*)<")
# what libvirt says of a volume whose file is not there, and of one whose disk does not answer
_NOT_THERE = (*_GONE, libvirt.VIR_ERR_SYSTEM_ERROR)
_NO_POOL = (libvirt.VIR_ERR_NO_STORAGE_POOL,)


class Volume:
    """One volume of the pool. ``handle`` is libvirt's own object, for the modules of this package alone."""

    __slots__ = ("handle", "name")

    def __init__(self, handle: RawVolume) -> None:
        self.handle = handle
        self.name: str = handle.name()


class Pool:
    """A pool that is a folder of the hypervisor's host. Its methods raise HypervisorError.

    ``folder`` is that folder's path there; ``handle`` is libvirt's own object, for the modules of this
    package alone.
    """

    __slots__ = ("folder", "handle")

    def __init__(self, handle: RawPool) -> None:
        self.handle = handle
        self.folder = _folder(handle)

    def volume_names(self) -> list[str]:
        """The names of all volumes, sorted. One whose name is no UTF-8 is none of virtlab's, and left out.

        ``listVolumes`` is no use: it counts first and lists then, and loses names where somebody makes a
        volume in between.
        """
        names = []
        with translated(msg("can't list the pool's volumes")):
            for volume in self.handle.listAllVolumes():
                with suppress(UnicodeDecodeError):
                    names.append(volume.name())
        return sorted(names)

    def has(self, name: str) -> bool:
        """Whether a volume's file is there now. libvirt lists those, too, that were deleted without it."""
        with translated(msg("can't look at volume {name}", name=name)):
            try:
                self.handle.storageVolLookupByName(name).info()
            except libvirt.libvirtError as error:
                if code_of(error) in _GONE:
                    return False
                raise
        return True

    def state_of(self, name: str) -> str | None:
        """A text that is another one after each change of a volume's file: its size, and when it was changed.

        None where it is not there.
        """
        with translated(msg("can't look at volume {name}", name=name)):
            try:
                xml = self.handle.storageVolLookupByName(name).XMLDesc()
            except libvirt.libvirtError as error:
                if code_of(error) in _GONE:
                    return None
                raise
        return " ".join(_STATE.findall(xml))

    def create_volume(self, name: str, xml: str) -> Volume:
        """Makes a volume. Raises ConflictError where there is one of that name, or a file."""
        with translated(msg("can't make volume {name}", name=name)):
            try:
                return Volume(self.handle.createXML(xml))
            except libvirt.libvirtError as error:
                listed = code_of(error) == libvirt.VIR_ERR_STORAGE_VOL_EXIST
                # so it says of a file that it does not list; of a pool that stands still, too
                unlisted = code_of(error) == libvirt.VIR_ERR_OPERATION_INVALID and self.handle.isActive()
                if not (listed or unlisted):
                    raise
                if unlisted or self.has(name):
                    raise errors.ConflictError(
                        msg(
                            "can't make volume {name}: there is one of that name, which is left alone",
                            name=name,
                        ),
                        hint=msg("look at it: ls -l {path}", path=quote(f"{self.folder}/{name}")),
                    ) from error
            # libvirt lists a volume whose file somebody deleted
            return self.replace_volume(name, xml)

    def replace_volume(self, name: str, xml: str) -> Volume:
        """Makes a volume in place of one of the same name, which the caller knows to be virtlab's."""
        self.remove_volume(name)
        with translated(msg("can't make volume {name}", name=name)):
            return Volume(self.handle.createXML(xml))

    def remove_volume(self, name: str) -> bool:
        """Deletes a volume. False where there is none."""
        try:
            self.handle.storageVolLookupByName(name).delete()
        except libvirt.libvirtError as error:
            if code_of(error) in _GONE:
                return False
            raise translate(error, msg("can't delete volume {name}", name=name)) from error
        return True


def open_pool(conn: RawConnection, xml: str, path: str) -> Pool:
    """See ``Connection.open_pool``."""
    doing = msg("can't open storage pool {pool} in {path}", pool=naming.POOL, path=path)
    with translated(doing):
        try:
            handle = conn.storagePoolLookupByName(naming.POOL)
        except libvirt.libvirtError as error:
            if code_of(error) not in _NO_POOL:
                raise
            handle = _define(conn, xml)
        pool = Pool(handle)
        if pool.folder != path:
            raise errors.ConflictError(
                msg(
                    "there is a storage pool {pool} in {folder}, which is not virtlab's (that is {path})",
                    pool=naming.POOL,
                    folder=pool.folder,
                    path=path,
                ),
                hint=msg("give that one another name: virsh pool-edit {pool}", pool=naming.POOL),
            )
        if not handle.isActive():
            try:
                handle.build()
                handle.create()
            except libvirt.libvirtError as error:
                # somebody else may have started it in between
                if not handle.isActive():
                    raise _away(error, path) from error
        else:
            _check_there(pool)
        return pool


def our_pool(conn: RawConnection, path: str) -> Pool | None:
    """See ``Connection.our_pool``."""
    try:
        handle = conn.storagePoolLookupByName(naming.POOL)
        pool = Pool(handle)
        if pool.folder != path:
            return None
        active = bool(handle.isActive())
    except libvirt.libvirtError as error:
        if code_of(error) in _NO_POOL:
            return None
        raise translate(error, msg("can't open storage pool {pool}", pool=naming.POOL)) from error
    if active:
        _check_there(pool)
    else:
        try:
            handle.create()
        except libvirt.libvirtError as error:
            raise _away(error, path) from error
    return pool


def _check_there(pool: Pool) -> None:
    """Raises PoolAway where not one of the files is there that libvirt lists in an active pool.

    Its disk was unmounted, or its folder is gone: what it holds may be safe, and is not to be made anew.
    """
    with translated(msg("can't list the pool's volumes")):
        volumes = pool.handle.listAllVolumes()
        if not volumes or any(map(_is_there, volumes)):
            return
    raise errors.PoolAway(
        msg(
            "none of the files of storage pool {pool} is in {folder} any more",
            pool=naming.POOL,
            folder=pool.folder,
        ),
        hint=msg(
            "mount the disk that holds {folder}, if it is not mounted; if they are lost: "
            "virsh pool-refresh {pool}, then type the same command again",
            pool=naming.POOL,
            folder=pool.folder,
        ),
    )


def _is_there(volume: RawVolume) -> bool:
    try:
        volume.info()
    except libvirt.libvirtError as error:
        if code_of(error) in _NOT_THERE and error.get_error_domain() != libvirt.VIR_FROM_RPC:
            return False
        raise
    return True


def _away(error: libvirt.libvirtError, path: str) -> errors.HypervisorError:
    """The error about a pool that does not start."""
    told = translate(error, msg("can't open storage pool {pool} in {path}", pool=naming.POOL, path=path))
    if isinstance(told, errors.ConnectionFailed):
        return told
    return errors.PoolAway(
        told.message,
        hint=msg(
            "mount the disk that holds {path}, if it is not mounted; if the folder is lost, make "
            'an empty one: mkdir -p "$(readlink -m {quoted})"',
            path=path,
            quoted=quote(path),
        ),
    )


def active_pool(conn: RawConnection) -> Pool | None:
    """See ``Connection.active_pool``."""
    try:
        handle = conn.storagePoolLookupByName(naming.POOL)
        return Pool(handle) if handle.isActive() else None
    except libvirt.libvirtError as error:
        if code_of(error) in _NO_POOL:
            return None
        raise translate(error, msg("can't look at the storage pool")) from error


def _define(conn: RawConnection, xml: str) -> RawPool:
    try:
        return conn.storagePoolDefineXML(xml)
    except libvirt.libvirtError:
        # somebody else may have defined it in between
        return conn.storagePoolLookupByName(naming.POOL)


def _folder(pool: RawPool) -> str:
    """The folder of a dir pool. It is found without an XML parser, whose loading would slow ``status``
    down."""
    match = re.search(r"<path>(.*?)</path>", pool.XMLDesc())
    return html.unescape(match.group(1)) if match else ""
