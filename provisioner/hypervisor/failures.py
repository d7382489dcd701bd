"""Makes virtlab's errors of libvirt's, by libvirt's error codes and never by its texts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import libvirt

from provisioner import errors
from provisioner.language import msg

_LONGEST_TEXT = 2000

_CLASSES: dict[int, type[errors.HypervisorError]] = {
    libvirt.VIR_ERR_NO_DOMAIN: errors.NotFound,
    libvirt.VIR_ERR_NO_NETWORK: errors.NotFound,
    libvirt.VIR_ERR_NO_STORAGE_POOL: errors.NotFound,
    libvirt.VIR_ERR_NO_STORAGE_VOL: errors.NotFound,
    libvirt.VIR_ERR_NO_DOMAIN_METADATA: errors.NotFound,
    libvirt.VIR_ERR_AUTH_CANCELLED: errors.PermissionDenied,
    libvirt.VIR_ERR_AUTH_FAILED: errors.PermissionDenied,
    libvirt.VIR_ERR_AUTH_UNAVAILABLE: errors.PermissionDenied,
    libvirt.VIR_ERR_ACCESS_DENIED: errors.PermissionDenied,
    libvirt.VIR_ERR_OPERATION_DENIED: errors.PermissionDenied,
    libvirt.VIR_ERR_NO_CONNECT: errors.ConnectionFailed,
    libvirt.VIR_ERR_INVALID_CONN: errors.ConnectionFailed,
    libvirt.VIR_ERR_RESOURCE_BUSY: errors.Busy,
    libvirt.VIR_ERR_OPERATION_TIMEOUT: errors.Busy,
}

# What libvirt's own client says (src/rpc/virnetclient.c) once the line to the daemon is broken; seen with a
# daemon of libvirt 9.0 that was killed.
_BROKEN_LINE = (libvirt.VIR_ERR_SYSTEM_ERROR, libvirt.VIR_ERR_INTERNAL_ERROR)


def code_of(error: libvirt.libvirtError) -> int:
    """The VIR_ERR_* code of a libvirt error; 0 where it carries none."""
    return int(error.get_error_code() or 0)


def translate(error: libvirt.libvirtError, doing: str, *, hint: str | None = None) -> errors.HypervisorError:
    """The error of virtlab's tree for a libvirt error raised while ``doing`` something."""
    code = code_of(error)
    cls = _CLASSES.get(code, errors.HypervisorError)
    if code in _BROKEN_LINE and error.get_error_domain() == libvirt.VIR_FROM_RPC:
        cls = errors.ConnectionFailed
    text = printable(str(error.get_error_message() or error))
    return cls(msg("{doing}: {text}", doing=doing, text=text), hint=hint)


def printable(text: str) -> str:
    """A message of QEMU or libvirt, which may quote a guest: shortened, and safe for a terminal."""
    shown = "".join(c if c.isprintable() else " " if c in "\n\t" else "\ufffd" for c in text)
    return shown if len(shown) <= _LONGEST_TEXT else shown[:_LONGEST_TEXT] + " …"


def undecodable(error: UnicodeDecodeError) -> str:
    """What libvirt's binding could not make a text of, shown as one.

    The binding takes all words for UTF-8, those of an error, too, and raises UnicodeDecodeError in place of
    libvirtError where a guest or a file's name put other bytes into them (libvirt-python 9.0 to 12.8).
    """
    return printable(error.object.decode("utf-8", "backslashreplace"))


@contextmanager
def translated(doing: str, *, hint: str | None = None) -> Iterator[None]:
    """Inside it, an error of libvirt becomes one of virtlab's: ``doing: libvirt's message``."""
    try:
        yield
    except libvirt.libvirtError as error:
        raise translate(error, doing, hint=hint) from error
    except UnicodeDecodeError as error:
        raise errors.HypervisorError(
            msg("{doing}: {text}", doing=doing, text=undecodable(error)), hint=hint
        ) from error
