"""Reading on in a log that is rotated meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.host import qemu_log


def rotate(log: Path, keep: int = 3) -> None:
    """As virtlogd does it."""
    log.with_name(f"{log.name}.{keep - 1}").unlink(missing_ok=True)
    for number in reversed(range(keep - 1)):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.rename(log.with_name(f"{log.name}.{number + 1}"))
    log.rename(log.with_name(f"{log.name}.0"))
    log.touch()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "guest.log"
    file.write_text("before\n")
    return file


@pytest.fixture
def place(log: Path) -> Iterator[qemu_log.Place]:
    with contextlib.closing(qemu_log.end_of(log)) as found:
        yield found


def add(log: Path, text: str) -> None:
    with log.open("a") as out:
        out.write(text)


def test_what_comes_after_the_place(log: Path, place: qemu_log.Place) -> None:
    assert qemu_log.since(place, 100) == b""
    add(log, "one\n")
    assert qemu_log.since(place, 100) == b"one\n"


@pytest.mark.parametrize("rotations", [1, 2, 3])
def test_rotated_files_are_joined_in_order(log: Path, place: qemu_log.Place, rotations: int) -> None:
    wanted = ""
    for number in range(rotations):
        add(log, f"{number}\n")
        rotate(log)
        wanted += f"{number}\n"
    add(log, "last\n")
    assert qemu_log.since(place, 100) == (wanted + "last\n").encode()


def test_a_file_that_is_gone_is_noticed(log: Path, place: qemu_log.Place) -> None:
    for number in range(4):
        add(log, f"{number}\n")
        rotate(log)
    assert qemu_log.since(place, 100) is None


def test_too_much_is_nothing(log: Path, place: qemu_log.Place) -> None:
    add(log, "x" * 60)
    rotate(log)
    add(log, "x" * 40)
    assert qemu_log.since(place, 100) == b"x" * 100
    assert qemu_log.since(place, 99) is None
    add(log, "x")
    assert qemu_log.since(place, 100) is None


START = "2026-12-01 06:29:31.105+0000: starting up libvirt version: 9.0.0\n-msg timestamp=on\n"
MSR = "error: failed to set MSR 0x10a to 0x69"
ASSERTION = "../../target/i386/kvm/kvm.c:3183: Assertion `ret == cpu->kvm_msr_buf->nmsrs' failed."


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("", None),
        ("char device redirected to /dev/pts/0 (label charserial0)\n", None),
        (
            f"2026-12-01T06:29:31.474819Z qemu-system-x86_64: {MSR}\nqemu-system-x86_64: {ASSERTION}\n"
            "2026-12-01 06:29:32.105+0000: shutting down, reason=crashed\n",
            MSR,
        ),
        (f"qemu-system-x86_64: {ASSERTION}\n", ASSERTION),
        ("2026-12-01T06:00:38.7Z qemu-system-x86_64: warning: '-mon' is deprecated\n", None),
        (
            "2026-12-01T06:36:54.974705Z qemu-system-x86_64: terminating on signal 15 from pid 74\n",
            None,
        ),
        (
            '2026-12-01T06:00:38.9Z qemu-system-x86_64: unsupported machine type: "x"\n',
            'unsupported machine type: "x"',
        ),
    ],
)
def test_why_qemu_ended(said: str, reason: str | None) -> None:
    before = f"{START}qemu-system-x86_64: error: of the run before\n"
    assert qemu_log.reason(before + START + said) == reason


def test_a_log_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        qemu_log.end_of(tmp_path / "no.log")
