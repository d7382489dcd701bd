"""Which libvirt is taken, and why."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from provisioner import errors
from provisioner.hypervisor import connection, uris
from provisioner.hypervisor.uris import Choice, Source

DEFAULT = "LIBVIRT_DEFAULT_URI"


@pytest.fixture(autouse=True)
def own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DEFAULT, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CONFIG", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config/virtlab/config.toml"
    file.parent.mkdir(parents=True)
    return file


def test_the_flag_goes_first(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('connect = "qemu:///from-file"\n')
    monkeypatch.setenv(DEFAULT, "qemu:///from-environment")
    assert uris.choose("test:///default") == Choice("test:///default", "--connect")
    assert uris.choose(None) == Choice("qemu:///from-file", f"set in {config}")
    config.unlink()
    assert uris.choose(None) == Choice("qemu:///from-environment", DEFAULT)
    monkeypatch.setenv(DEFAULT, "")
    assert uris.choose(None).uri in (uris.SYSTEM, uris.SESSION)


def test_a_flag_makes_the_file_unread(config: Path) -> None:
    config.write_text("broken =")
    assert uris.choose("test:///default").uri == "test:///default"


def test_a_file_without_the_setting(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("# nothing yet\n")
    monkeypatch.setenv(DEFAULT, "qemu:///x")
    assert uris.choose(None).why == DEFAULT


@pytest.mark.skipif(os.geteuid() != 0, reason="this is what root gets")
def test_root_gets_the_system() -> None:
    assert uris.choose(None) == Choice(uris.SYSTEM, "you are root")
    assert uris.everywhere(None) == [Choice(uris.SYSTEM, "you are root")]


@pytest.mark.skipif(os.geteuid() == 0, reason="this is what ordinary users get")
def test_others_get_what_they_may_use() -> None:
    choice = uris.choose(None)
    assert choice.why in ("you may use the system's libvirt", "your own libvirt, no root needed")
    assert choice.is_session == (choice.uri == uris.SESSION)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"connect = ", "Invalid value"),
        (b"connect = 1\n", "connect must be a libvirt URI in quotes"),
        (b"conect = 'x'\n", "unknown setting 'conect' (there are connect and ranges)"),
        (b"\xff\n", "can't decode"),
    ],
)
def test_a_broken_file(config: Path, content: bytes, words: str) -> None:
    config.write_bytes(content)
    with pytest.raises(errors.InputError) as caught:
        uris.choose(None)
    assert caught.value.message.startswith(f"{config}: ")
    assert words in caught.value.message
    assert str(config) in (caught.value.hint or "")


def test_everywhere_is_only_what_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert uris.everywhere("qemu:///session") == [Choice("qemu:///session", "--connect")]
    monkeypatch.setenv(DEFAULT, "qemu+ssh://host/system")
    assert [c.uri for c in uris.everywhere(None)] == ["qemu+ssh://host/system"]


@pytest.mark.parametrize(
    ("uri", "is_session", "is_local"),
    [
        ("qemu:///system", False, True),
        ("qemu:///session", True, True),
        ("qemu:///session?socket=/x", True, True),
        ("qemu:///embed?root=/tmp/session", False, True),
        ("test:///default", False, True),
        ("qemu+unix:///system", False, False),
        ("qemu+ssh://host/system", False, False),
        ("qemu+ssh://host/session", True, False),
        ("qemu://host/system", False, False),
    ],
)
def test_what_a_uri_says(uri: str, is_session: bool, is_local: bool) -> None:
    choice = Choice(uri, "")
    assert (choice.is_session, choice.is_local) == (is_session, is_local)


@pytest.mark.parametrize(
    ("source", "remedy"),
    [
        (Source.FLAG, "leave -c out, or name qemu:///system or qemu:///session"),
        (Source.CONFIGURATION, "set connect to qemu:///system or qemu:///session there, or remove the line"),
        (Source.ENVIRONMENT, f"unset {DEFAULT}, or set it to qemu:///system or qemu:///session"),
    ],
)
@pytest.mark.parametrize(
    ("uri", "error", "words"),
    [
        ("test:///default", errors.InputError, "leads to libvirt's driver TEST, and labs need QEMU"),
        ("quemu:///system", errors.HypervisorError, "no connection driver available"),
        ("qemu:///sytem", errors.HypervisorError, "can't connect to qemu:///sytem (why): "),
        ("qemu", errors.HypervisorError, "can't connect to qemu (why): "),
        ("QEMU:///system", errors.HypervisorError, "no connection driver available"),
        ("qemu:///system?socket=/no/such", errors.HypervisorError, "No such file or directory"),
        ("qemu:///embed", errors.HypervisorError, "can't connect to qemu:///embed (why): "),
        ("qemu:///system\n", errors.HypervisorError, "(why): "),
    ],
)
def test_a_uri_that_leads_to_no_qemu(
    uri: str,
    error: type[errors.VirtlabError],
    words: str,
    source: Source,
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(error) as caught:
        connection.connect(Choice(uri, "why", source))
    assert words in caught.value.message
    assert caught.value.hint == remedy


@pytest.mark.parametrize("uri", ["no-such-driver:///", "qemu:///system?socket=/no/such/socket"])
def test_no_connection(uri: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(errors.HypervisorError, match=r"can't connect to .* \(why\): ") as caught:
        connection.connect(Choice(uri, "why"))
    assert caught.value.hint
    assert capfd.readouterr() == ("", "")  # libvirt itself prints nothing


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        (Source.FLAG, "leave -c out, or name qemu:///system"),
        (Source.ENVIRONMENT, f"unset {DEFAULT}, or set it to qemu:///system"),
    ],
)
def test_roots_session_is_said_to_be_the_systems(
    source: Source, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(errors.InputError, match="root has no session of its own") as caught:
        connection.connect(Choice(uris.SESSION, "a test", source))
    assert caught.value.hint == hint
