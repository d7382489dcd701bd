"""Every error that virtlab raises on purpose.

::

    VirtlabError                 exit 1   something expected went wrong
    ├── InputError               exit 2   the command line or a file is wrong
    │   ├── LabFileError         exit 2   a lab file has problems (all of them, with places)
    │   └── Ambiguous            exit 2   it could mean more than one thing
    ├── ConflictError            exit 1   what exists is in the way, and is not ours to change
    ├── ConfirmationNeeded       exit 2   a question that nobody is there to answer
    ├── Declined                 exit 1   a question that was answered with no
    ├── ImageError               exit 1   an image can't be built, read or uploaded
    ├── HypervisorError          exit 1   libvirt or QEMU refused
    │   ├── ConnectionFailed              the daemon can't be reached
    │   ├── PermissionDenied              it can be reached but not by this user
    │   ├── NotFound                      the object is gone
    │   ├── PoolAway                      the folder of disks and images can't be read
    │   └── Busy                          somebody else holds it (a console, a job)
    ├── OutputError              exit 1   standard output can't be written to
    ├── GuestError               exit 1   a running guest did not do what was asked
    │   ├── NotReady                      it never answered within its deadline
    │   │   ├── QemuStopped               its QEMU was stopped, as by a signal
    │   │   └── Broken                    it is up, and answers no more, or makes no sense
    │   ├── CutShort                      it stopped, or its agent's line ended, in the middle
    │   ├── TookTooLong                   what was begun in it had not ended within its time
    │   ├── LacksMemory                   it says that its memory is too little to come up
    │   └── TooMuch                       it answered with more than the bound allows
    └── SeveralErrors            exit 1   more than one thing failed; none is hidden

Each has a message (what happened) and a hint (the next thing to type or do). Cancelled stands apart
(exit 130): nothing failed, and no handler of errors is to go on after it.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence

from provisioner.language import Message, first_line, msg


class Cancelled(BaseException):
    """The work was told to stop: by Ctrl-C, SIGTERM, or whoever set its event ``cancelled``."""


class GuestHint(Message):
    """A hint that helps only while the guest ``guest`` (LAB/GUEST) is there: to look at it, for one."""

    __slots__ = ("guest",)
    guest: str


def of_guest(guest: str, hint: Message) -> GuestHint:
    """The hint, as one that helps only while LAB/GUEST is there."""
    made = GuestHint(hint)
    made.template, made.values, made.guest = hint.template, hint.values, guest
    return made


def look_at(guest: str) -> GuestHint:
    """The hint to look at the console of LAB/GUEST."""
    return of_guest(guest, msg("{virtlab} console {guest}", guest=guest))


def see_status(guest: str) -> GuestHint:
    """The hint to see what became of LAB/GUEST."""
    return of_guest(guest, msg("{virtlab} status"))


def start_it(guest: str) -> GuestHint:
    """The hint to start LAB/GUEST, which is down or paused."""
    return of_guest(guest, msg("{virtlab} start {guest}", guest=guest))


def start_anew(guest: str) -> GuestHint:
    """The hint to get LAB/GUEST, which is up, back to a state in which it answers."""
    again = msg("start it anew: {virtlab} stop {guest}, then {virtlab} start {guest}", guest=guest)
    return of_guest(guest, again)


def more_time(guest: str) -> GuestHint:
    """The hint where LAB/GUEST was slow, and it is not known whether it still answers at all."""
    told = msg(
        "give it more time with --timeout; where nothing answers there any more, {anew}",
        anew=start_anew(guest),
    )
    return of_guest(guest, told)


class VirtlabError(Exception):
    """An expected failure: a message in plain words and, where there is one, the next step."""

    exit_code = 1
    usual_hint = "{virtlab} doctor"  # where nothing better is known

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(VirtlabError):
    """What the user gave is wrong."""

    exit_code = 2


class LabFileError(InputError):
    """A lab file has problems; ``problems`` holds one ready line for each, in file order."""

    def __init__(self, problems: Sequence[str], *, hint: str | None = None) -> None:
        super().__init__("\n".join(problems), hint=hint)
        self.problems = tuple(problems)


class Ambiguous(InputError):
    """What the user said fits more than one thing."""


class ConflictError(VirtlabError):
    """Something that exists is in the way and is not virtlab's, or not this lab's, to change."""


class ConfirmationNeeded(VirtlabError):
    """A change needs the user's consent, and there is nobody to ask."""

    exit_code = 2


class Declined(VirtlabError):
    """The user was asked for consent, and did not give it."""

    usual_hint = ""  # nothing is amiss


class ImageError(VirtlabError):
    """An image can't be built, verified, found or uploaded."""


class HypervisorError(VirtlabError):
    """libvirt or QEMU refused."""


class ConnectionFailed(HypervisorError):
    """No connection to the libvirt daemon."""

    usual_hint = msg("libvirt's daemon ended, or was restarted, in the middle: type the same command again")


class PermissionDenied(HypervisorError):
    """This user may not use the daemon, or a file that it needs."""


class NotFound(HypervisorError):
    """The domain, network, pool or volume does not exist (any more)."""


class PoolAway(HypervisorError):
    """The storage pool is defined and can't be started, as where the disk that holds it is not mounted."""


class Busy(HypervisorError):
    """Somebody else holds what is needed."""


class OutputError(VirtlabError):
    """Standard output can't be written to."""


class GuestError(VirtlabError):
    """A running guest did not do what it was asked."""


class NotReady(GuestError):
    """A guest did not answer within its deadline."""


class QemuStopped(NotReady):
    """A guest can't answer: a signal stopped its QEMU, and nobody let it go on."""


class Broken(NotReady):
    """A guest is up, and does not answer, or its answers make no sense. A new start is the way back."""


class CutShort(GuestError):
    """A guest stopped, or the line to its agent ended, while it was spoken to."""


class TookTooLong(GuestError):
    """What was begun in a guest had not ended within its time, and was stopped."""


class LacksMemory(GuestError):
    """A guest did not come up, and says that it has too little memory."""


class TooMuch(GuestError):
    """A guest sent more than the limit allows."""


def brief(error: VirtlabError) -> str:
    """A failure in a few words, for a line about what failed, where the error itself is told later."""
    if isinstance(error, QemuStopped):
        return msg("its QEMU was stopped")
    if isinstance(error, Broken):
        return msg("is up, and does not work")
    if isinstance(error, NotReady):
        return msg("was not ready in time")
    return first_line(error.message)


class SeveralErrors(VirtlabError):
    """Several independent failures. ``causes`` holds each of them."""

    def __init__(self, message: str, causes: Sequence[VirtlabError], *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.causes = tuple(causes)


def raise_all(problems: Sequence[VirtlabError], message: str, *, hint: str | None = None) -> None:
    """Raises the problem where there is one, and SeveralErrors with ``message`` where there are more.

    Does nothing where there is none.
    """
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise SeveralErrors(message, problems, hint=hint)


_LONGEST_NAME = 80  # characters of a file's name in a message
_AROUND = 30  # characters before and after one that is none

# What the operating system refuses, whatever a program asks for (errno(3)), and what helps.
_SURROUNDINGS = {
    errno.EACCES: msg("let this user into it, or name another place"),
    errno.EPERM: msg("let this user into it, or name another place"),
    errno.EROFS: msg("name a place that can be written to"),
    errno.ENAMETOOLONG: msg("give a name of at most 255 bytes, and a path of at most 4095"),
    errno.ELOOP: msg("a link there leads to itself: mend or remove it"),
    errno.ENOSPC: msg("make room there: df -h shows how much there is"),
    errno.EDQUOT: msg("make room there: quota -s shows how much you may have"),
    errno.EFBIG: msg("raise the limit on the size of files: ulimit -f"),
    errno.EMFILE: msg("raise the limit on open files: ulimit -n"),
    errno.ENFILE: msg("end programs that nobody needs: the whole system has too many files open"),
    errno.ENOMEM: msg("end programs that nobody needs: free -h shows how much memory there is"),
    errno.EAGAIN: msg("end programs that nobody needs, or raise the limit on processes: ulimit -u"),
    errno.EIO: msg("look at what the kernel says of it: sudo dmesg"),
    errno.ESTALE: msg("mount it again: its server has forgotten it"),
}


def of_surroundings(error: BaseException) -> VirtlabError | None:
    """The expected failure for what a program can't help: a full disk, a limit, a name that no file can have.

    None for any other exception.
    """
    if isinstance(error, UnicodeEncodeError):  # a name of a file or an argument that is no text
        around = error.object[max(0, error.start - _AROUND) : error.end + _AROUND]
        return InputError(
            msg("what stands here is not in UTF-8, and libvirt takes nothing else: {around}", around=around),
            hint=msg("give it a name in UTF-8"),
        )
    if isinstance(error, MemoryError):
        return VirtlabError(msg("there is not enough memory"), hint=_SURROUNDINGS[errno.ENOMEM])
    if not isinstance(error, OSError) or error.errno not in _SURROUNDINGS:
        return None
    name = "" if error.filename is None else str(error.filename)
    shown = f"{name[:_LONGEST_NAME]}..." if len(name) > _LONGEST_NAME else name
    kind = InputError if error.errno == errno.ENAMETOOLONG else VirtlabError
    message = f"{shown}: {error.strerror}" if shown else str(error.strerror)
    return kind(message, hint=_SURROUNDINGS[error.errno])
