"""A page to draw: two guests, their facts, a benchmark and a guide. ``hostile`` puts a text everywhere."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

from provisioner.labfile.lesson import Exercise, Solution
from provisioner.labfile.lesson import Finding as Literature
from provisioner.language import Language, Text
from provisioner.measure import workloads
from provisioner.model import lab as model
from provisioner.model.facts import Device, Disk, Facts, Interface, Interrupt, Phase
from provisioner.model.lab import Expectation, Guest, How, Observation
from provisioner.model.measured import FORMAT, Bench, GuestConfig, HostFacts, Outcome, Ratio, Series
from provisioner.model.measured import Verdict as Result
from provisioner.model.typed import Typed
from provisioner.observe import comparison, stack
from provisioner.teach.verdicts import Finding, Verdict
from provisioner.verbs.page import Page, PageGuest
from tests.unit.worlds import guest as sample_guest

_MEDIANS = {  # of full and virtio
    "control": (0.412, 0.415),
    "network-send": (118.0, 236.0),
    "network-receive": (131.0, 251.0),
    "ping": (196.0, 203.0),
    "registers-disk": (26.0, 1.0),
    "registers-ping": (8.8, 1.02),
    "registers-network": (160.0, 9.7),
    "disk-read-random": (150.0, 225.0),
    "disk-read-sequential": (610.0, 790.0),
    "boot-kernel": (1.31, 1.34),
    "boot-system": (0.92, 0.88),
    "network-receive-host": (7.9, 4.1),
}


def facts(name: str) -> Facts:
    virtio = name == "virtio"
    disk = ("virtio_blk", "virtio-pci") if virtio else ("sd", "ata_piix")
    card = ("virtio_net", "virtio-pci") if virtio else ("e1000",)
    kind = "virtio" if virtio else "emulated"
    names = ("Virtio block device", "Virtio network device") if virtio else ("82371SB PIIX3 IDE", "82540EM")
    return Facts(
        kernel="6.1.0-44-amd64",
        machine="QEMU Standard PC (i440FX + PIIX, 1996)",
        firmware="bios",
        processor="QEMU TCG CPU version 2.5+",
        processors=1,
        memory=190 * 1024**2,
        signature="TCGTCGTCGTCG",
        features=0,
        detected="",
        entry="bare hardware",
        clock="tsc",
        clocks=("tsc", "hpet", "acpi_pm"),
        devices=(
            Device("pci", "0000:00:01.1", "8086:7010", names[0], disk[-1], kind),
            Device("pci", "0000:00:02.0", "8086:100e", names[1], card[-1], kind),
        ),
        disks=(Disk("vda" if virtio else "sda", 256 * 1024**2, disk, kind),),
        interfaces=(Interface("eth0", "52:54:00:00:00:01", card, kind),),
        interrupts=(Interrupt("LOC", 1234),),
        modules=("virtio_blk",) if virtio else (),
        agent="/dev/vport1p1" if virtio else "/dev/ttyS1",
        consoles=("ttyS0",),
        rng="virtio_rng.0" if virtio else "",
        phases=(Phase("init", 1.2), Phase("agent", 2.2)),
        platform=("fw_cfg",),
    )


def defined(name: str) -> Guest:
    virtio = name == "virtio"
    disk = model.Disk("virtio" if virtio else "ide", 256 * 1024**2, "none")
    card = model.Interface("lab", "virtio" if virtio else "e1000")
    return sample_guest(name, disks=(disk,), interfaces=(card,))


def guest(name: str) -> PageGuest:
    title = (
        Text("Paravirtual devices (virtio)", "準仮想化デバイス(virtio)")
        if name == "virtio"
        else Text("Fully emulated hardware", "完全にエミュレーションされたハードウェア")
    )
    host = stack.HostSide("AMD EPYC", "6.12.0", "7.2.22", "ext4", ("nvme",), user_network=False)
    return PageGuest(
        name=name,
        title=title,
        accel="tcg",
        disk="virtio" if name == "virtio" else "ide",
        network="virtio" if name == "virtio" else "e1000",
        facts=facts(name),
        stack=stack.of(defined(name), "tcg", facts(name), host=host),
        error="",
        hint="",
    )


def bench(rounds: int = 5) -> Bench:
    dice = random.Random(7)  # noqa: S311 - the same picture each time
    metrics = workloads.metrics()
    outcomes = []
    for name, middles in _MEDIANS.items():
        spread = 0.0 if name.startswith("registers") else 0.03
        series = tuple(
            Series(guest, tuple(middle * dice.gauss(1, spread) for _ in range(rounds)))
            for guest, middle in zip(("full", "virtio"), middles, strict=True)
        )
        ratio = middles[1] / middles[0]
        verdict = Result.SAME if 0.95 < ratio < 1.05 else Result.MORE if ratio > 1 else Result.LESS
        outcomes.append(
            Outcome(
                name,
                metrics[name].unit,
                metrics[name].more_is_better,
                series,
                (
                    Ratio(
                        "virtio",
                        "full",
                        tuple(b / a for a, b in zip(*(s.values for s in series), strict=True)),
                        ratio,
                        ratio * 0.98,
                        ratio * 1.02,
                        0.94,
                        verdict,
                    ),
                ),
                "ioeventfd='off'" if name.startswith("registers") else "",
                (("virtio-pci-notify-virtio-blk", "200"),) if name == "registers-disk" else (),
            )
        )
    return Bench(
        format=FORMAT,
        lab="demo-paravirt",
        instance="demo-paravirt",
        taken="2026-03-01T10:15:00+00:00",
        quick=True,
        rounds=rounds,
        seconds=71.4,
        host=HostFacts("AMD EPYC 9R14", 2, "6.12.5", "7.2.22", "9.0.0", "qemu:///system", 0.31),
        guests=tuple(
            GuestConfig(n, "tcg", "pc", 1, 192 * 1024**2, d, "none", c, "nat")
            for n, d, c in (("full", "ide", "e1000"), ("virtio", "virtio", "virtio"))
        ),
        outcomes=tuple(outcomes),
        control=workloads.MARGIN,
        control_holds=True,
        notes=(),
    )


def page() -> Page:
    """All there is, of a lab that is up."""
    return Page(
        typed=Typed("demo-paravirt", "demo-paravirt"),
        instance="demo-paravirt",
        title=Text(
            "Emulated hardware beside virtio", "エミュレーションされたハードウェアとvirtioを並べて比べる"
        ),
        description=Text("Two guests boot the same system.", "同じOSを2台で起動します。"),
        concept=Text(
            "**What it is.** A paravirtual device imitates no hardware that exists.\n\n"
            "**What it is not.** It is no paravirtualization: the kernel is an ordinary one.",
            "**何であるか。** 準仮想化デバイスは、実在するハードウェアを模倣しません。\n\n"
            "**何ではないか。** 本来の準仮想化ではありません。カーネルは無修正です。",
        ),
        guests=(guest("full"), guest("virtio")),
        rows=rows(),
        outside=(),
        findings=findings(),
        checked="2026-03-01T10:12:00+00:00",
        host=bench().host,
        bench=bench(),
        guide={
            Language.EN: "# A guide\n\nType `{virtlab} up {lab}`.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
            Language.JA: "# ガイド\n\n`{virtlab} up {lab}` と入力します。\n",
        },
        literature=(Literature(Text("20 to 77 times", "20〜77倍"), "Technion MSC-2017-19"),),
        exercises=(
            Exercise(
                "find-the-driver",
                Text("The driver behind the disk", "ディスクを動かすドライバ"),
                Text(
                    "Tell its name:\n{virtlab} check {lab} --step 1 --answer NAME",
                    "名前を答えてください:\n{virtlab} check {lab} --step 1 --answer 名前",
                ),
                (),
                None,
                (),
                Solution(Text("So."), (), ()),
            ),
        ),
        asked="2026-03-01T10:20:00+00:00",
        made="2026-03-01T10:20:00+00:00",
        is_up=True,
        version="0.1.0",
    )


def rows() -> tuple[comparison.Row, ...]:
    return tuple(comparison.rows([guest("full"), guest("virtio")]))


def findings() -> tuple[Finding, ...]:
    expected = Expectation(next(iter(How)), ("emulated",))

    def item(name: str, en: str, ja: str) -> Observation:
        return Observation(name, Text(en, ja), ("full", "virtio"), name, (), "lines", expected, (), None)

    disk = item(
        "disk.interface", "The disk speaks no paravirtual interface", "ディスクは準仮想化されていない"
    )
    clock = item("clock.interface", "The clock is no paravirtual one", "クロックは準仮想化されていない")
    return (
        Finding(disk, "full", ("emulated",), Verdict.PASS),
        Finding(disk, "virtio", ("virtio",), Verdict.FAIL),
        Finding(clock, "full", None, Verdict.IMPOSSIBLE, "it needs KVM"),
    )


def everywhere(value: Any, text: str) -> Any:
    """The same object with that text in the place of every text in it."""
    if isinstance(value, Text):
        return Text(text, text)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: everywhere(getattr(value, f.name), text) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    if isinstance(value, tuple):
        return tuple(everywhere(item, text) for item in value)
    return text if type(value) is str else value
