"""compare --xml and compare --stack of guests that run, on both connections."""

from __future__ import annotations

import json
from typing import Any

from driver import Virtlab
from lxml import etree


def steps(frame: dict[str, Any]) -> dict[str, str]:
    """The English text of each step of a picture, by its part."""
    found = {}
    for section in frame["sections"]:
        for item in section["inside"]:
            if "sections" in item:
                found |= steps(item)
            elif "number" in item:
                found[item["part"]] = item["text"]["en"]
    return found


def test_definitions_and_stacks_of_running_guests(virtlab: Virtlab) -> None:
    name = virtlab.name()
    virtlab("up", "demo-paravirt", "--as", name).ended(0)

    differences = json.loads(virtlab("compare", name, "--xml", "-o", "json").ended(0).out)
    values = {each["at"]: each["values"] for each in differences}
    assert values["devices/disk[1]/target@bus"] == {"full": "ide", "virtio": "virtio"}
    assert values["devices/rng"]["full"] is None
    assert [each["at"] for each in differences if not each["note"]] == []
    assert name not in json.dumps(differences)
    assert "virtio" in virtlab("compare", name, "--xml", "--lang", "ja").ended(0).out

    stacks = json.loads(virtlab("compare", name, "--stack", "-o", "json").ended(0).out)
    ways = {
        stack["guest"]: {picture["path"]: steps(picture["frame"]) for picture in stack["pictures"]}
        for stack in stacks
    }
    assert ways["full"]["disk"]["driver"] == "driver sd → ata_piix"
    assert ways["full"]["network"]["driver"] == "driver e1000"
    assert ways["virtio"]["disk"]["driver"] == "driver virtio_blk → virtio-pci"
    assert ways["virtio"]["network"]["driver"] == "driver virtio_net → virtio-pci"
    assert ("user-mode" in ways["full"]["network"]["backend"]) is virtlab.is_session

    drawn = virtlab("compare", name, "--stack", COLUMNS="100").ended(0).out
    assert any("ata_piix" in line and "virtio_blk" in line for line in drawn.splitlines())
    svg = etree.fromstring(virtlab("compare", name, "--svg").ended(0).raw)
    pictures = [element for element in svg.iter() if element.get("role") == "img"]
    assert len(pictures) == 4
