"""libvirt's errors become virtlab's by their codes, whatever they say."""

from __future__ import annotations

import libvirt
import pytest
from marked import MINE, Define

from provisioner import errors
from provisioner.hypervisor.connection import Connection
from provisioner.hypervisor.failures import code_of, printable, translate, translated


def failure(code: int, text: str = "whatever it says") -> libvirt.libvirtError:
    error = libvirt.libvirtError("call failed")
    error.err = (code, 0, text, 2, None, None, None, -1, -1)
    return error


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("NO_DOMAIN", errors.NotFound),
        ("NO_NETWORK", errors.NotFound),
        ("NO_STORAGE_POOL", errors.NotFound),
        ("NO_STORAGE_VOL", errors.NotFound),
        ("AUTH_FAILED", errors.PermissionDenied),
        ("AUTH_UNAVAILABLE", errors.PermissionDenied),
        ("ACCESS_DENIED", errors.PermissionDenied),
        ("OPERATION_DENIED", errors.PermissionDenied),
        ("NO_CONNECT", errors.ConnectionFailed),
        ("RESOURCE_BUSY", errors.Busy),
        ("OPERATION_TIMEOUT", errors.Busy),
        ("INTERNAL_ERROR", errors.HypervisorError),
        ("XML_ERROR", errors.HypervisorError),
    ],
)
def test_codes(code: str, kind: type[errors.HypervisorError]) -> None:
    found = translate(failure(getattr(libvirt, f"VIR_ERR_{code}")), "can't do it", hint="do that")
    assert type(found) is kind
    assert (found.message, found.hint) == ("can't do it: whatever it says", "do that")


@pytest.mark.parametrize("code", ["SYSTEM_ERROR", "INTERNAL_ERROR"])
def test_a_line_to_the_daemon_that_breaks(code: str) -> None:
    error = failure(getattr(libvirt, f"VIR_ERR_{code}"))
    assert type(translate(error, "x")) is errors.HypervisorError
    error.err = (error.err[0], libvirt.VIR_FROM_RPC, *error.err[2:])
    assert type(translate(error, "x")) is errors.ConnectionFailed


def test_an_error_without_a_code() -> None:
    bare = libvirt.libvirtError("call failed")
    bare.err = None
    assert code_of(bare) == 0
    assert type(translate(bare, "x")) is errors.HypervisorError


def test_real_errors(conn: Connection, define: Define) -> None:
    with pytest.raises(errors.NotFound, match="looking: ") as caught, translated("looking"):
        conn.handle.lookupByName("nobody")
    assert isinstance(caught.value.__cause__, libvirt.libvirtError)
    with pytest.raises(errors.NotFound), translated("looking"):
        conn.handle.networkLookupByName("nobody")
    with pytest.raises(errors.NotFound), translated("looking"):
        conn.handle.storagePoolLookupByName("nobody")
    dom = define(MINE.domain("one"))
    with pytest.raises(errors.HypervisorError), translated("starting"):
        dom.create()


def test_bytes_that_are_no_text_are_survived() -> None:
    """libvirt-python can't make its own error of them, and raises UnicodeDecodeError in its place."""
    with pytest.raises(errors.HypervisorError) as caught, translated("starting"):
        b"QEMU said \xff\x1b[2J".decode()
    assert caught.value.message == "starting: QEMU said \\xff\ufffd[2J"


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), translated("x"):
        raise ZeroDivisionError


def test_words_of_a_guest_can_do_no_harm() -> None:
    assert printable("a\x1b[2J\x07b\r") == "a\ufffd[2J\ufffdb\ufffd"
    assert printable("one\ntwo\tthree") == "one two three"
    assert printable("起動できません") == "起動できません"
    assert printable("x" * 5000) == "x" * 2000 + " …"
    assert "\x1b" not in translate(failure(1, "\x1b]0;x\x07"), "x").message
