"""Runs tasks in a clone, and times them by marks on its console. Meanwhile the agent's line is silent.

The scripts of the probes are put into the clone once. A turn runs some of them, one after the other.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from provisioner import errors
from provisioner.hypervisor import qemu_monitor
from provisioner.hypervisor.streams import open_console
from provisioner.language import msg
from provisioner.measure.clone import Clone
from provisioner.measure.workloads import MAX_OUTPUT, Probe
from provisioner.sanitize import printable

_FOLDER = "/run/virtlab-turn"
_HEADROOM = 10.0  # seconds for the agent, in addition to the limits of the tasks
_INSTALL_SECONDS = 30.0
_GONE_SECONDS = 2.0
_SHOWN = 200
_KILLED = 128 + 9
# The script that runs in the clone. Its arguments: TOKEN, "ready" where somebody wants a mark half a second
# before the work, DISK, PEER, PORT, then NAME:LIMIT for each task. It prints how each task ended, and its
# answer.
_TURN = f"""\
token=$1 slowly=$2; export DISK=$3 PEER=$4 PORT=$5; shift 5
cd {_FOLDER} || exit
say() {{ echo "$token-$1;" >/dev/ttyS0; }}
sleep 0.2
[ -z "$slowly" ] || {{ say ready; sleep 0.5; }}
for task; do
    name=${{task%:*}}
    : >pid
    {{ sleep "${{task#*:}}"; read -r pid <pid && kill -s KILL -- "-$pid"; }} >/dev/null 2>&1 &
    guard=$!
    say "begin-$name"
    sleep 0.1
    setsid sh "$name.work" </dev/null >"$name.out" 2>&1 &
    echo $! >pid
    wait $!
    code=$?
    say "end-$name"
    : >pid
    kill $guard
    [ $code != 0 ] || {{ sh "$name.answer" >"$name.out" 2>&1 </dev/null; code=$?; }}
    {{
        echo "$token $name $code"
        if [ $code != 0 ]; then tail -c 500 "$name.out"
        else head -c {MAX_OUTPUT + 1} "$name.out"; fi
        echo
    }} >>"$token"
done
cat "$token"
rm "$token"
"""


class TaskFailed(errors.GuestError):
    """A task's script or its answer failed. ``code`` is its exit code, or None where the guest told none."""

    def __init__(self, message: str, code: int | None) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Task:
    """One script that works, and one that prints the answer when the work is done."""

    name: str  # a word
    script: str
    answer: str
    limit: float  # seconds


def task(probe: Probe) -> Task:
    """The task by which a clone does the work of a probe."""
    return Task(probe.name, probe.script, probe.answer, probe.timeout)


class Counting(Protocol):
    """Counts something in the clone's QEMU while the clone works. Called from a thread of the turn."""

    def prepare(self) -> None:
        """Called half a second before the first task begins."""

    def begun(self, name: str) -> None: ...

    def ended(self, name: str) -> None: ...

    def over(self) -> None:
        """Called after the last task or when the turn failed, in any case where ``prepare`` was called."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a task gave."""

    answer: bytes
    seconds: float  # from its begin to its end, on the host's clock
    host_seconds: float  # of processor time that the clone's QEMU took in between
    begin: bytes  # the marks as they stand on the console
    end: bytes


class _Marks:
    """Looks for marks in what a console prints, and forgets the rest."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.token = secrets.token_hex(6)
        self.ready = self.of("ready")
        self._all = [self.ready, *(self.of(f"{kind}-{t.name}") for t in tasks for kind in ("begin", "end"))]
        self._longest = max(len(mark) for mark in self._all)
        self._changed = threading.Condition()
        self._seen: set[bytes] = set()
        self._tail = b""
        self._closed = False

    def of(self, name: str) -> bytes:
        # with an end character, so that no mark is the beginning of another one
        return f"{self.token}-{name};".encode()

    def feed(self, data: bytes) -> None:
        text = self._tail + data
        self._tail = text[-self._longest :]
        if self.token.encode() not in text:
            return
        marks = {mark for mark in self._all if mark in text}
        if marks - self._seen:
            with self._changed:
                self._seen |= marks
                self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait(self, mark: bytes, deadline: float) -> bool:
        """Whether the mark came before the deadline and before the console's end."""
        with self._changed:
            left = max(0.0, deadline - time.monotonic())
            self._changed.wait_for(lambda: mark in self._seen or self._closed, timeout=left)
            return mark in self._seen


class _Sampler(threading.Thread):
    """Reads the host's clocks at the marks, and sets ``done`` at the end."""

    def __init__(
        self,
        clone: Clone,
        tasks: Sequence[Task],
        marks: _Marks,
        deadline: float,
        counting: Counting | None,
        on_begin: Callable[[str], None] | None,
    ) -> None:
        super().__init__(name=f"sampler {clone.label}", daemon=True)
        self._clone = clone
        self._tasks = tasks
        self._marks = marks
        self._deadline = deadline
        self._counting = counting
        self._on_begin = on_begin
        self.done = threading.Event()
        self.taken: dict[str, tuple[float, float]] = {}  # seconds, and of processor time
        self.error: errors.VirtlabError | None = None

    def run(self) -> None:
        try:
            self._sample()
        except errors.VirtlabError as error:
            self.error = error
        finally:
            self.done.set()

    def _sample(self) -> None:
        counting = self._counting
        if counting is None:
            self._sample_tasks()
        elif self._marks.wait(self._marks.ready, self._deadline):
            try:
                counting.prepare()
                self._sample_tasks()
            finally:
                counting.over()

    def _sample_tasks(self) -> None:
        marks, counting, domain = self._marks, self._counting, self._clone.domain
        for task in self._tasks:
            if not marks.wait(marks.of(f"begin-{task.name}"), self._deadline):
                return
            if self._on_begin is not None:
                self._on_begin(task.name)
            if counting is not None:
                counting.begun(task.name)
            before, began = qemu_monitor.processor_seconds(domain), time.monotonic()
            if not marks.wait(marks.of(f"end-{task.name}"), self._deadline):
                return
            ended, after = time.monotonic(), qemu_monitor.processor_seconds(domain)
            if counting is not None:
                counting.ended(task.name)
            self.taken[task.name] = (ended - began, after - before)


def install(clone: Clone, tasks: Sequence[Task]) -> None:
    """Puts the scripts of tasks into a clone. It has them until it is started again."""
    end = f"END-{secrets.token_hex(6)}"
    files = {"turn": _TURN}
    for task in tasks:
        files |= {f"{task.name}.work": task.script, f"{task.name}.answer": task.answer}
    texts = [f"cat >{name} <<'{end}'\n{text.rstrip()}\n{end}\n" for name, text in files.items()]
    script = f"mkdir -p {_FOLDER} && cd {_FOLDER} || exit\n{''.join(texts)}"
    result = clone.transport.run(["sh"], input=script.encode(), timeout=_INSTALL_SECONDS, max_output=1024)
    if result.exit_code != 0:
        raise errors.GuestError(
            msg("{label} can't keep the scripts: {said}", label=clone.label, said=_said(result.stderr))
        )


def turn(
    clone: Clone,
    tasks: Sequence[Task],
    variables: Mapping[str, str],
    *,
    counting: Counting | None = None,
    on_begin: Callable[[str], None] | None = None,
) -> dict[str, Reading | errors.GuestError]:
    """Runs installed tasks one after the other. Gives for each what it gave, or the error.

    ``variables``: DISK, PEER and PORT. ``on_begin`` is called with each task's name, in another thread.
    Raises GuestError where the clone ends or gives no usable answer, and HypervisorError where libvirt or
    ``counting`` fails. It takes at most the limits of all tasks, and a few seconds.
    """
    marks = _Marks(tasks)
    deadline = time.monotonic() + sum(task.limit for task in tasks) + _HEADROOM
    values = [variables.get(name, "") for name in ("DISK", "PEER", "PORT")]
    argv = ["sh", f"{_FOLDER}/turn", marks.token, "" if counting is None else "ready", *values]
    argv += [f"{task.name}:{task.limit:g}" for task in tasks]
    with open_console(clone.domain, "serial0", label=clone.label, on_data=marks.feed, on_end=marks.close):
        sampler = _Sampler(clone, tasks, marks, deadline, counting, on_begin)
        sampler.start()
        try:
            result = clone.transport.run(
                argv,
                timeout=max(0.1, deadline - time.monotonic()),
                max_output=(MAX_OUTPUT + 200) * len(tasks),
                until=sampler.done,
            )
        except (errors.GuestError, errors.HypervisorError) as error:
            if _has_ended(clone):
                raise errors.GuestError(
                    msg("{label} stopped in the middle of it", label=clone.label)
                ) from error
            raise
        finally:
            marks.close()
            sampler.join()
    if sampler.error is not None:
        raise sampler.error
    if result.exit_code != 0:
        raise errors.GuestError(_said(result.stderr))
    return {task.name: _reading(task, marks, sampler, result.stdout) for task in tasks}


def _reading(task: Task, marks: _Marks, sampler: _Sampler, output: bytes) -> Reading | errors.GuestError:
    _, marker, after = output.partition(f"{marks.token} {task.name} ".encode())
    code, newline, after = after.partition(b"\n")
    if not marker or not newline:
        return errors.GuestError(msg("it told nothing of how it ended"))
    text = after.partition(f"\n{marks.token} ".encode())[0]
    if code == str(_KILLED).encode():
        return errors.GuestError(
            msg("it took more than {limit} seconds and was stopped", limit=f"{task.limit:g}")
        )
    if code != b"0":
        return TaskFailed(_said(text), int(code) if re.fullmatch(rb"[0-9]{1,3}", code) else None)
    if task.name not in sampler.taken:
        return errors.GuestError(msg("the marks of its begin and end did not come over the console"))
    begin, end = (marks.of(f"{kind}-{task.name}") for kind in ("begin", "end"))
    return Reading(text, *sampler.taken[task.name], begin, end)


def _said(output: bytes) -> str:
    lines = output.strip().splitlines()
    return printable(lines[-1], _SHOWN) if lines else msg("it failed and did not say why")


def _has_ended(clone: Clone) -> bool:
    deadline = time.monotonic() + _GONE_SECONDS
    while time.monotonic() < deadline:
        try:
            if not clone.domain.is_active():
                return True
        except errors.HypervisorError:
            return True
        time.sleep(0.1)
    return False
