"""virtlab compare: guests that misbehave, and how a lab is found. test_real_demo.py looks at good ones."""

from __future__ import annotations

import json
from typing import Any

from driver import Virtlab


def told(virtlab: Virtlab, *args: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(virtlab("compare", *args, "-o", "json").ended(code).out)
    return found


def script(virtlab: Virtlab, guest: str, text: str) -> None:
    virtlab("exec", "-i", guest, "--", "sh", given=text.encode()).ended(0)


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
    assert "has no column: full" in stopped.out
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
