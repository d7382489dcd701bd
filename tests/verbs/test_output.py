"""Answers for programs: JSON, YAML and names on standard output, and nothing else there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from provisioner.cli import app
from tests.fakes.world import World

app.register()


def asked(*words: str) -> str:
    """What a command that succeeds writes on standard output."""
    done = CliRunner().invoke(app.app, words)
    assert done.exit_code == 0, done.output
    return done.stdout


def told(*words: str) -> Any:
    as_json = json.loads(asked(*words, "-o", "json"))
    assert yaml.safe_load(asked(*words, "-o", "yaml")) == as_json
    return as_json


GUESTS = [{"instance": "pair", "guest": guest, "state": "stopped"} for guest in ("one", "two")]


def test_stop_and_start(there: World) -> None:
    there.up()
    assert told("stop", "pair", "--timeout", "0") == GUESTS
    assert asked("stop", "pair", "-o", "name") == "pair/one\npair/two\n"
    assert told("start", "pair/one") == [{**GUESTS[0], "state": "running"}]
    assert asked("start", "pair/two", "-o", "name") == "pair/two\n"
    assert asked("stop", "pair/two") == asked("start", "pair/two") == ""


def test_down(there: World) -> None:
    there.up()
    gone = json.loads(asked("down", "pair", "other", "-o", "json"))
    assert gone == {"gone": ["pair"], "not_up": ["other"], "problems": []}
    assert told("down") == {"gone": [], "not_up": [], "problems": []}
    assert asked("down", "-o", "name") == ""
    assert asked("down") == "nothing is up\n"
    there.reconnect_and_up()
    assert asked("down") == "pair: down\n"


def test_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert json.loads(asked("copy", "demo-kvm", "mine", "-o", "json")) == {
        "file": "mine/lab.yaml",
        "name": "mine",
    }
    assert asked("copy", "demo-kvm", "yours", "-o", "name") == "yours/lab.yaml\n"
    done = CliRunner().invoke(app.app, ["copy", "demo-kvm", "demo-xen"])
    # a name of the catalogue goes before a folder of that name
    assert done.stderr == "next: edit demo-xen/lab.yaml, then virtlab up ./demo-xen\n"


def test_render(there: World) -> None:
    del there
    found = told("render", "demo-paravirt/full", "-c", "qemu:///session")
    assert [(each["kind"], each["name"]) for each in found] == [("guest", "full")]
    assert found[0]["xml"].startswith("<domain ")
    assert asked("render", "demo-paravirt", "-c", "qemu:///session", "-o", "name") == "full\nvirtio\nvmware\n"
    assert [each["kind"] for each in told("render", "demo-paravirt", "-c", "qemu:///system")][:2] == [
        "network",
        "filter",
    ]
