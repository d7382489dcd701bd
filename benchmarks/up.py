"""How much virtlab adds to QEMU: ``virtlab up demo-paravirt`` against the same two QEMU processes alone.

Run by hand, on a machine that does nothing else; see README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import libvirt
from bare import Bare

from provisioner import __version__
from provisioner.hypervisor import connection

LAB = "demo-paravirt"
INSTANCE = "benchmark"
DEADLINE = 120.0  # seconds for two guests to answer
OTHER_RUNS = 10  # of the verbs that are only timed
VIRTLAB = (str(Path(sys.executable).with_name("virtlab")),)

# What virtlab spends its time on, in order. The guests run side by side: their parts are the slower one's.
PHASES = {
    "python": "Python, imports, connecting, output",
    "plan": "look and plan",
    "checks": "accelerator, free memory",
    "images": "find the image",
    "network": "network (what the image left of it)",
    "define": "define the guest",
    "volumes": "make its disk",
    "start": "start QEMU, paused",
    "resume": "resume",
    "boot": "boot, until the agent answers",
    "rest": "rest (threads, the slower guest)",
}


def timed(*arguments: str) -> tuple[float, str]:
    """Seconds that a whole virtlab process takes, and its standard output."""
    began = time.monotonic()
    done = subprocess.run([*VIRTLAB, *arguments], capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    if done.returncode:
        sys.exit(f"virtlab {' '.join(arguments)} failed:\n{done.stderr}")
    return seconds, done.stdout


def up() -> tuple[float, dict[str, Any]]:
    seconds, output = timed("up", LAB, "--as", INSTANCE, "-o", "json")
    report: dict[str, Any] = json.loads(output)
    return seconds, report


def phases(seconds: float, report: Mapping[str, Any]) -> dict[str, float]:
    """The seconds of one ``up`` by phase; they add up to the whole process."""
    laps = dict(report["phases"])
    guests = laps.pop("guests")
    slower = max(report["guests"], key=lambda guest: sum(guest["phases"].values()))["phases"]
    rest = guests - sum(slower.values())
    return {"python": seconds - guests - sum(laps.values()), **laps, **slower, "rest": rest}


# --- the same two guests without libvirt -------------------------------------------------------


def bare(guest: Mapping[str, Any], folder: Path) -> Bare:
    """A guest that is up, to be started without libvirt: taken from the running process."""
    sizes = [disk["size"] for disk in guest["disks"]]
    return Bare(guest["name"], _running(guest["domain"]), sizes, folder)


def _running(domain: str) -> list[str]:
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().decode().split("\0")[:-1]
        except OSError:
            continue
        if f"guest={domain},debug-threads=on" in words:
            return words
    sys.exit(f"no QEMU process of {domain} can be seen")


def direct(guests: Sequence[Bare]) -> float:
    """Seconds from the first process's start until all guests answer."""
    for guest in guests:
        guest.fresh_disks()
    began = time.monotonic()
    processes = [
        subprocess.Popen(guest.arguments, stdout=subprocess.DEVNULL, stderr=guest.log.open("wb"))
        for guest in guests
    ]
    failures: list[Exception] = []
    ended: list[float] = []

    def wait(guest: Bare, process: subprocess.Popen[bytes]) -> None:
        try:
            guest.wait_until_it_answers(process, began + DEADLINE)
            ended.append(time.monotonic())
        except Exception as error:
            failures.append(error)

    try:
        waiting = [threading.Thread(target=wait, args=each) for each in zip(guests, processes, strict=True)]
        for thread in waiting:
            thread.start()
        for thread in waiting:
            thread.join()
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(10)
    if failures:
        raise failures[0]
    return max(ended) - began


# --- figures -----------------------------------------------------------------------------------


def figures(values: Sequence[float]) -> dict[str, Any]:
    """Median, smallest and largest of some seconds, and all of them."""
    return {
        "median": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
        "values": [round(value, 3) for value in values],
    }


def surroundings(report: Mapping[str, Any], choice: connection.Choice) -> dict[str, Any]:
    """What the figures depend on."""
    began = time.monotonic()
    conn = libvirt.open(choice.uri)
    connecting = time.monotonic() - began
    number = conn.getVersion()
    daemon = conn.getLibVersion()
    conn.close()
    cpu = next((x for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")), "")
    return {
        "processor": cpu.partition(": ")[2] or platform.machine(),
        "processors": os.cpu_count(),
        "kernel": platform.release(),
        "load": round(os.getloadavg()[0], 2),
        "virtlab": __version__,
        "python": platform.python_version(),
        "libvirt": _version(daemon),
        "qemu": _version(number),
        "connection": choice.uri,
        "connecting": round(connecting, 4),
        "accelerator": {guest["name"]: guest["accel"] for guest in report["guests"]},
    }


def _version(number: int) -> str:
    return f"{number // 1000000}.{number // 1000 % 1000}.{number % 1000}"


def measure(rounds: int, say: Any) -> dict[str, Any]:
    """Runs everything; all that it starts is gone afterwards, also when it is interrupted."""
    choice = connection.choose(None)
    folder = Path(tempfile.mkdtemp(prefix="virtlab-benchmark-"))
    whole: list[float] = []
    alone: list[float] = []
    parts: list[dict[str, float]] = []
    down: list[float] = []
    try:
        say("one round to warm up")
        _, report = up()
        guests = [bare(guest, folder) for guest in report["guests"]]
        status = [timed("status")[0] for _ in range(OTHER_RUNS)]
        timed("down", INSTANCE)
        direct(guests)
        host = surroundings(report, choice)
        for number in range(1, rounds + 1):
            seconds, report = up()
            whole.append(seconds)
            parts.append(phases(seconds, report))
            down.append(timed("down", INSTANCE)[0])
            alone.append(direct(guests))
            say(f"round {number} of {rounds}: virtlab {seconds:.2f} s, QEMU alone {alone[-1]:.2f} s")
        shown = [timed("--help")[0] for _ in range(OTHER_RUNS)]
    finally:
        subprocess.run([*VIRTLAB, "down", INSTANCE], capture_output=True, check=False)
        shutil.rmtree(folder)
    apart = [seconds - part["network"] for seconds, part in zip(whole, parts, strict=True)]
    return {
        "host": host,
        "rounds": rounds,
        "virtlab": figures(whole),
        "virtlab_without_network": figures(apart),
        "qemu_alone": figures(alone),
        "ratio": round(statistics.median(whole) / statistics.median(alone), 3),
        "ratio_without_network": round(statistics.median(apart) / statistics.median(alone), 3),
        "phases": {name: figures([part[name] for part in parts]) for name in PHASES},
        "verbs": {"--help": figures(shown), "status": figures(status), "down": figures(down)},
    }


def page(result: Mapping[str, Any]) -> str:
    host = result["host"]
    accelerators = ", ".join(f"{name}: {accel}" for name, accel in host["accelerator"].items())
    lines = [
        f"{host['processors']} processors ({host['processor']}), Linux {host['kernel']}, load {host['load']}",
        f"virtlab {host['virtlab']}, Python {host['python']}, libvirt {host['libvirt']}, QEMU {host['qemu']}",
        f"{host['connection']}, {accelerators}; {result['rounds']} rounds, seconds",
        "",
        f"{'':40} {'median':>7} {'min':>7} {'max':>7}",
    ]

    def row(name: str, values: Mapping[str, Any]) -> None:
        lines.append(f"{name:40} {values['median']:7.3f} {values['min']:7.3f} {values['max']:7.3f}")

    row(f"virtlab up {LAB}, both answer", result["virtlab"])
    row("  the same without the network's time", result["virtlab_without_network"])
    row("the two QEMU processes alone", result["qemu_alone"])
    lines += [
        f"{'ratio':40} {result['ratio']:7.3f}",
        f"{'ratio without the network':40} {result['ratio_without_network']:7.3f}",
        "",
        "virtlab's part, phase by phase",
    ]
    for name, told in PHASES.items():
        row(f"  {told}", result["phases"][name])
    lines += ["", "whole processes"]
    for name, values in result["verbs"].items():
        row(f"  virtlab {name}", values)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=10, help="of each of the two (default 10)")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    result = measure(options.rounds, lambda text: print(text, file=sys.stderr, flush=True))
    print(json.dumps(result, indent=2) if options.output == "json" else page(result))


if __name__ == "__main__":
    main()
