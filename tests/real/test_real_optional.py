"""An optional guest: there when it is asked for, told of where it is not, gone when it is taken back."""

from __future__ import annotations

import json

import pytest
from driver import Virtlab

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

LAB = "demo-paravirt"


def guests(virtlab: Virtlab, name: str) -> list[str]:
    (entry,) = json.loads(virtlab("status", name, "-o", "json").ended(0).out)
    return [guest["name"] for guest in entry["guests"]]


def verdicts(virtlab: Virtlab, name: str) -> set[str]:
    """What check says of the optional guest's items."""
    findings = json.loads(virtlab("check", name, "-o", "json").ended(0).out)["findings"]
    return {finding["verdict"] for finding in findings if finding["guest"] == "vmware"}


def test_it_comes_when_asked_for_and_goes_when_taken_back(system: Virtlab) -> None:
    name = system.name()
    command = f"up {LAB} --as {name} --with vmware"
    up = system("up", LAB, "--as", name).ended(0)
    assert "vmware: optional, and not up: " in up.out
    assert command in up.out
    assert guests(system, name) == ["full", "virtio"]
    assert f"{name}/vmware: optional, and not up: " in system("status", name).ended(0).out
    assert verdicts(system, name) == {"impossible"}
    for verb in (["exec", f"{name}/vmware", "--", "true"], ["start", f"{name}/vmware"]):
        refused = system(*verb)
        assert refused.code in (1, 2, 125)
        assert command in refused.err
    assert "has no such guest" in system("up", LAB, "--as", name, "--with", "vmwar").ended(2).err

    added = system("up", LAB, "--as", name, "--with", "vmware", "-o", "json").ended(0)
    assert {guest["name"]: guest["action"] for guest in json.loads(added.out)["guests"]} == {
        "full": "update",
        "virtio": "update",
        "vmware": "create",
    }
    assert verdicts(system, name) == {"pass"}
    assert f"{name} keeps --with vmware until it goes down" in system("status", name).ended(0).out
    assert "nothing to do" in system("plan", LAB, "--as", name).ended(0).out
    compared = json.loads(system("compare", name, "-o", "json").ended(0).out)
    assert [guest["name"] for guest in compared["guests"]] == ["full", "virtio", "vmware"]

    assert "say --yes" in system("up", LAB, "--as", name, "--without", "vmware").ended(2).err
    system("up", LAB, "--as", name, "--without", "vmware", "--yes").ended(0)
    assert guests(system, name) == ["full", "virtio"]
    assert not [volume for volume in system.traces(name) if "vmware" in str(volume)]
