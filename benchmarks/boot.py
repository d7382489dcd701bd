"""What a guest's boot costs QEMU: processor seconds, instructions and memory, by image and by QEMU.

Run by hand; see README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shlex
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import libvirt
from bare import Bare

from provisioner import paths, render
from provisioner.hypervisor import connection
from provisioner.images import build, registry
from provisioner.lifecycle import lab_files
from provisioner.model import plan
from provisioner.model.lab import Guest
from provisioner.model.metadata import GuestMetadata, Origin
from provisioner.model.observed import Observed

LAB = "demo-paravirt"
DEADLINE = 120.0  # seconds for a guest to answer
IDLE = 2.0  # seconds after the answer, until its memory is looked at
# What is told apart: what the init script says on the console ends the first two.
STAGES = {"kernel": b"virtlab: init ", "init": b"virtlab: agent ", "agent": b""}
COUNTER = Path(__file__).with_name("count.c")
APIS = range(1, 16)  # versions of QEMU's interface for plugins: each QEMU takes some of them
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Variant:
    """One row of the comparison: what is booted, by which QEMU, with which further words for the kernel."""

    guest: str
    image: str
    qemu: str
    words: str


@dataclass(frozen=True, slots=True)
class Boot:
    """What one boot took by stage; ``instructions`` is empty where they were not counted."""

    cpu: dict[str, float]
    instructions: dict[str, int]
    wall: float
    memory: float


# --- what is booted ----------------------------------------------------------------------------


class Machines:
    """The lab's guests as lists of arguments, each for an image and a QEMU."""

    def __init__(self, images: Mapping[str, Path], qemus: Mapping[str, Sequence[str]]) -> None:
        self._images = images
        self._qemus = qemus
        choice = connection.choose(None)
        self._lab = lab_files.load(*lab_files.locate(LAB))
        self._origin = Origin("benchmark", LAB, LAB, self._lab.source, str(lab_files.locate(LAB)[0]))
        ranges = plan.user_ranges(self._lab)
        self._addresses = plan.addresses(self._lab, self._origin, Observed((), (), ()), ranges)
        self._libvirt = libvirt.open(choice.uri)

    def bare(self, variant: Variant, folder: Path) -> Bare:
        guest = next(guest for guest in self._lab.top_level if guest.name == variant.guest)
        xml = self._xml(guest, self._images[variant.image], folder)
        words = shlex.split(self._libvirt.domainXMLToNative("qemu-argv", xml, 0))
        while "=" in words[0]:
            del words[0]
        words[0:1] = self._qemus[variant.qemu]
        place = words.index("-append") + 1
        words[place] = f"{words[place]} {variant.words}".strip()
        return Bare(variant.guest, _portable(words), [disk.size for disk in guest.disks], folder)

    def _xml(self, guest: Guest, image: Path, folder: Path) -> str:
        addresses = self._addresses[guest.name]
        mark = GuestMetadata(
            origin=self._origin,
            guest=guest,
            accel="tcg",
            accel_why="the benchmark's",
            fell_back=False,
            images={},
            addresses=addresses,
            inner=(),
        )
        boot = render.BootFiles(str(image / "kernel"), str(image / "initrd"))
        return render.domain_xml(guest, mark, boot, str(folder), session=True)


def _portable(words: Sequence[str]) -> list[str]:
    """The same machine in words that every QEMU takes: newer ones have lost an option of libvirt 9.0."""
    changed = [word for word in words if word != "-no-hpet"]
    if len(changed) < len(words):
        changed[changed.index("-machine") + 1] += ",hpet=off"
    return changed


def program(place: str) -> list[str]:
    """How a QEMU is started: a program, or the one in a folder that is the root of another system."""
    root = Path(place).resolve()
    if not root.is_dir():
        return [shutil.which(place) or sys.exit(f"there is no program {place}")]
    libraries = root / "usr/lib/x86_64-linux-gnu"
    return [
        *("env", f"QEMU_MODULE_DIR={libraries}/qemu"),
        *(str(root / "lib64/ld-linux-x86-64.so.2"), "--library-path", str(libraries)),
        *(str(root / "usr/bin/qemu-system-x86_64"), "-L", str(root / "usr/share/qemu")),
        *("-L", str(root / "usr/share/seabios")),
    ]


# --- one boot ----------------------------------------------------------------------------------


class Counter:
    """Counts a guest's instructions by a plugin for QEMU's emulation, made here with the C compiler."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "instructions"
        self._made: dict[tuple[str, ...], Path] = {}

    def arguments(self, qemu: Sequence[str]) -> list[str]:
        """What QEMU is given to count. Raises RuntimeError that says why it can't."""
        self._file.write_bytes(bytes(8))
        key = tuple(qemu)
        if key not in self._made:
            self._made[key] = self._plugin(qemu)
        self._file.write_bytes(bytes(8))
        return self._words(self._made[key])

    def value(self) -> int:
        number: int = struct.unpack("Q", self._file.read_bytes())[0]
        return number

    def _words(self, plugin: Path) -> list[str]:
        return ["-plugin", f"{plugin},into={self._file}"]

    def _plugin(self, qemu: Sequence[str]) -> Path:
        """The plugin in the first version that this QEMU takes."""
        why = "no version of the plugin's interface is known that it takes"
        for api in APIS:
            plugin = self._compiled(api)
            nothing = ["-M", "none", "-display", "none", "-nodefaults", "-monitor", "stdio"]
            done = subprocess.run(
                [*qemu, *nothing, *self._words(plugin)], input="quit\n", capture_output=True, text=True
            )
            if done.returncode == 0:
                return plugin
            why = (done.stderr.strip().splitlines() or [why])[-1]
        raise RuntimeError(why)

    def _compiled(self, api: int) -> Path:
        plugin = self._folder / f"count{api}.so"
        if not plugin.exists():
            words = ["cc", "-O2", "-shared", "-fPIC", f"-DAPI={api}", "-o", str(plugin), str(COUNTER)]
            try:
                done = subprocess.run(words, capture_output=True, text=True)
            except FileNotFoundError:
                raise RuntimeError("there is no C compiler") from None
            if done.returncode:
                raise RuntimeError(f"the C compiler fails: {done.stderr}")
        return plugin


def boot(guest: Bare, counter: Counter | None, extra: Sequence[str]) -> Boot:
    """One boot, until the guest's agent answers. The processor time is all of QEMU's, its start included."""
    guest.fresh_disks()
    began = time.monotonic()
    deadline = began + DEADLINE
    with guest.log.open("wb") as log:
        process = subprocess.Popen([*guest.arguments, *extra], stdout=subprocess.DEVNULL, stderr=log)
    cpu: dict[str, float] = {}
    instructions: dict[str, int] = {}

    def lap(stage: str) -> None:
        cpu[stage] = _processor_time(process.pid) - sum(cpu.values())
        if counter:
            instructions[stage] = counter.value() - sum(instructions.values())

    try:
        with guest.connect(guest.console, process, deadline) as console:
            console.settimeout(1)
            heard = b""
            for stage, ends in STAGES.items():
                while ends not in heard:
                    guest.check(process, deadline)
                    with suppress(TimeoutError, ConnectionError):
                        heard += console.recv(4096)
                if not ends:
                    guest.wait_until_it_answers(process, deadline)
                lap(stage)
            wall = time.monotonic() - began
            time.sleep(IDLE)
            return Boot(cpu, instructions, wall, _memory(process.pid))
    finally:
        process.terminate()
        process.wait(10)


def _processor_time(pid: int) -> float:
    """Seconds that a process's threads have run, those that have ended included: its clock in Linux."""
    return time.clock_gettime(~pid << 3 | 2)


def _memory(pid: int) -> float:
    """MiB that a process holds, its share of what it shares included."""
    found = re.search(r"^Pss: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) * 1024 / MIB


# --- figures -----------------------------------------------------------------------------------


def measure(options: argparse.Namespace, folder: Path, say: Any) -> dict[str, Any]:
    machines = Machines(options.image, options.qemu)
    variants = [
        Variant(guest, image, qemu, words)
        for guest in options.guest
        for qemu in options.qemu
        for image in options.image
        for words in ("", *options.words)
    ]
    counter = Counter(folder)
    plain: dict[Variant, list[Boot]] = {variant: [] for variant in variants}
    counted: dict[Variant, list[Boot]] = {variant: [] for variant in variants}
    missing: dict[str, str] = {}
    load = os.getloadavg()[0]
    for number in range(max(options.rounds, options.counts)):
        # there and back again: what drifts on the host meets all of them
        for variant in variants if number % 2 == 0 else reversed(variants):
            guest = machines.bare(variant, folder)
            if number < options.counts and variant.qemu not in missing:
                try:
                    extra = counter.arguments(options.qemu[variant.qemu])
                    counted[variant].append(boot(guest, counter, extra))
                except RuntimeError as error:
                    missing[variant.qemu] = str(error)
            if number < options.rounds:
                plain[variant].append(boot(guest, None, ()))
        say(f"round {number + 1}")
    return {
        "host": {**surroundings(), "load": round(load, 2)},
        "qemu": {label: version(words) for label, words in options.qemu.items()},
        "not_counted": missing,
        "rounds": options.rounds,
        "rows": [{**asdict(variant), **figures(plain[variant], counted[variant])} for variant in variants],
    }


def figures(plain: Sequence[Boot], counted: Sequence[Boot]) -> dict[str, Any]:
    """Medians, and of the processor time the smallest and largest, too."""
    whole = [sum(each.cpu.values()) for each in plain]
    count = [sum(each.instructions.values()) for each in counted]
    return {
        "cpu": {"median": statistics.median(whole), "min": min(whole), "max": max(whole)},
        "cpu_by_stage": {stage: statistics.median(each.cpu[stage] for each in plain) for stage in STAGES},
        "instructions": {"median": statistics.median(count), "min": min(count), "max": max(count)}
        if count
        else None,
        "instructions_by_stage": {
            stage: statistics.median(each.instructions[stage] for each in counted) for stage in STAGES
        }
        if count
        else None,
        "wall": statistics.median(each.wall for each in plain),
        "memory": statistics.median(each.memory for each in plain),
    }


def surroundings() -> dict[str, Any]:
    cpu = next((x for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")), "")
    return {
        "processor": cpu.partition(": ")[2] or platform.machine(),
        "processors": os.cpu_count(),
        "kernel": platform.release(),
    }


def version(qemu: Sequence[str]) -> str:
    said = subprocess.run([*qemu, "--version"], capture_output=True, text=True, check=True).stdout
    return said.splitlines()[0].removeprefix("QEMU emulator version ")


def page(result: Mapping[str, Any]) -> str:
    host = result["host"]
    lines = [
        f"{host['processors']} processors ({host['processor']}), Linux {host['kernel']}, load {host['load']}",
        *(f"QEMU {label}: {said}" for label, said in result["qemu"].items()),
        f"medians of {result['rounds']} boots, emulated; ratios to the first row of the guest",
        *(f"instructions not counted, QEMU {label}: {why}" for label, why in result["not_counted"].items()),
        "",
        f"{'':42} {'processor, s':>17} {'':>9} {'instructions, millions':>30} {'wall':>6} {'PSS':>5}",
        f"{'':42} {'':>5} {'min':>5} {'max':>5} {'ratio':>9} "
        f"{'kernel':>9} {'init':>6} {'all':>6} {'ratio':>6} {'s':>6} {'MiB':>5}",
    ]
    first: dict[str, Mapping[str, Any]] = {}
    for row in result["rows"]:
        base = first.setdefault(row["guest"], row)
        cpu, count = row["cpu"], row["instructions"]
        name = "  ".join(row[part] for part in ("guest", "image", "qemu", "words") if row[part])
        line = f"{name:42} {cpu['median']:5.2f} {cpu['min']:5.2f} {cpu['max']:5.2f}"
        line += f" {cpu['median'] / base['cpu']['median']:9.2f}"
        if count and base["instructions"]:
            stages = row["instructions_by_stage"]
            line += f" {stages['kernel'] / 1e6:9.0f} {(stages['init'] + stages['agent']) / 1e6:6.0f}"
            line += f" {count['median'] / 1e6:6.0f} {count['median'] / base['instructions']['median']:6.2f}"
        else:
            line += f" {'':30}"
        lines.append(f"{line} {row['wall']:6.2f} {row['memory']:5.0f}")
    return "\n".join(lines)


def labelled(value: str) -> tuple[str, str]:
    label, equals, rest = value.partition("=")
    if not equals or not label or not rest:
        raise argparse.ArgumentTypeError("it is LABEL=PLACE")
    return label, rest


def image_folder(labelled_folder: tuple[str, str]) -> tuple[str, Path]:
    label, folder = labelled_folder[0], Path(labelled_folder[1]).resolve()
    if absent := [name for name in ("kernel", "initrd") if not (folder / name).is_file()]:
        sys.exit(f"the folder {folder} has no {absent[0]}")
    return label, folder


def current_image() -> Path:
    """The folder of the image that the lab's guests boot on this host, built where it is missing."""
    recipe = registry.get("tiny", paths.templates_dir())
    built = build.build(recipe, paths.cache_dir(), progress=lambda _step, _done: None)
    return built.files["kernel"].parent


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    many = {"action": "append", "default": []}
    parser.add_argument("--guest", **many, help=f"of {LAB} (default: full and virtio)")
    parser.add_argument(
        "--image", **many, type=labelled, metavar="LABEL=FOLDER", help="kernel and initrd (default: today's)"
    )
    parser.add_argument(
        "--qemu",
        **many,
        type=labelled,
        metavar="LABEL=PROGRAM",
        help="or a system's root (default: this one's)",
    )
    parser.add_argument(
        "--words", **many, help="further words for the kernel, compared with none (give it again for others)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="boots that are timed, of each (default 5)")
    parser.add_argument("--counts", type=int, default=2, help="boots that are counted, of each (default 2)")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    options.guest = options.guest or ["full", "virtio"]
    options.image = dict(map(image_folder, options.image)) or {"tiny": current_image()}
    options.qemu = {label: program(place) for label, place in options.qemu}
    options.qemu = options.qemu or {"": program("qemu-system-x86_64")}
    folder = Path(tempfile.mkdtemp(prefix="virtlab-benchmark-"))
    try:
        result = measure(options, folder, lambda text: print(text, file=sys.stderr, flush=True))
    finally:
        shutil.rmtree(folder)
    print(json.dumps(result, indent=2) if options.output == "json" else page(result))


if __name__ == "__main__":
    main()
