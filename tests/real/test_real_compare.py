"""virtlab compare: real guests side by side, from inside and from the host; and guests that misbehave."""

from __future__ import annotations

import json
from typing import Any

from driver import Virtlab


def told(virtlab: Virtlab, *args: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(virtlab("compare", *args, "-o", "json").ended(code).out)
    return found


def script(virtlab: Virtlab, guest: str, text: str) -> None:
    virtlab("exec", "-i", guest, "--", "sh", given=text.encode()).ended(0)


def test_both_guests_of_the_demo(virtlab: Virtlab) -> None:
    name = virtlab.name()
    virtlab("up", "demo-paravirt", "--as", name).ended(0)
    data = told(virtlab, name)
    full, virtio = data["guests"]
    assert (full["name"], full["error"], virtio["error"]) == ("full", "", "")
    assert full["facts"]["missing"] == virtio["facts"]["missing"] == []
    assert full["facts"]["disks"][0]["drivers"] == ["sd", "ata_piix"]
    assert virtio["facts"]["disks"][0]["drivers"] == ["virtio_blk", "virtio-pci"]
    assert full["facts"]["agent"].startswith("/dev/ttyS")
    assert virtio["facts"]["agent"].startswith("/dev/vport")
    assert full["facts"]["signature"] == virtio["facts"]["signature"] != ""
    assert not [d for d in full["facts"]["devices"] if d["interface"] != "emulated"]
    assert [p["name"] for p in full["facts"]["phases"]] == ["init", "network", "hardware", "agent"]
    pids = virtlab.pids(name)
    for guest in (full, virtio):
        assert guest["host"]["pid"] == pids[guest["name"]]
        assert len(guest["host"]["vcpus"]) == guest["facts"]["processors"]
        assert guest["host"]["seconds"] > 0
        assert guest["host"]["resident"] > 100 << 20

    page = virtlab("compare", name, LANG="C.UTF-8").ended(0)
    assert page.out.index("What it is not.") < page.out.index("ata_piix"), "what it is not, before the table"
    assert "≠ Disk" in page.out
    assert "\x1b" not in page.out
    assert "≠ ディスク" in virtlab("compare", name, LANG="ja_JP.UTF-8").ended(0).out
    assert "≠ ディスク" in virtlab("compare", name, "--lang", "ja").ended(0).out
    assert virtlab("compare", name, "-o", "name").ended(0).out.split() == [f"{name}/full", f"{name}/virtio"]
    assert f"name the lab: {name}" in virtlab("compare", f"{name}/full").ended(2).err


def test_guests_that_are_down_or_hostile_cost_only_their_own_facts(system: Virtlab) -> None:
    name = system.name()
    system("up", "demo-paravirt", "--as", name).ended(0)
    full, virtio = f"{name}/full", f"{name}/virtio"

    script(system, virtio, 'printf \'#!/bin/sh\\nyes "$(printf "\\\\033]0;x")"\' >/usr/bin/lspci')
    flooded = system("compare", name, "--timeout", "4")
    assert flooded.ended(1).seconds < 20
    assert f"error: {virtio}: sh was still running" in flooded.err
    assert "sda: sd → ata_piix" in flooded.out

    script(system, virtio, "printf '#!/bin/sh\\nhead -c 99999 /dev/zero' >/usr/bin/lspci")
    assert f"error: {virtio}: it told more than 64 KiB" in system("compare", name).ended(1).err

    script(system, virtio, "rm /usr/bin/lspci")
    data = told(system, name)
    assert "1af4:1001" in {d["name"] for d in data["guests"][1]["facts"]["devices"]}

    system("stop", full).ended(0)
    stopped = system("compare", name)
    assert f"error: {full} is stopped\nnext: " in stopped.ended(1).err
    assert "not known" in stopped.out
    assert "virtio_blk" in stopped.out
    assert told(system, name, code=1)["guests"][0]["facts"] is None


def test_a_lab_is_found_by_its_folder_and_its_file(system: Virtlab) -> None:
    folder, name = system.lab(profile="emulated"), system.name()
    system("up", str(folder), "--as", name).ended(0)
    # the account works in its home, where the folder is
    for target in (str(folder), f"{folder}/", str(folder / "lab.yaml"), folder.name):
        assert told(system, target)["instance"] == name
    missing = system("compare", str(folder / "other.yaml"))
    assert "no lab of yours from" in missing.ended(1).err
    alone = system("compare", name).ended(0)
    assert "QEMU Standard PC" in alone.out, "one guest alone differs from nothing: all is shown"
