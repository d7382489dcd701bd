"""Verbs that need no guest: list, show, render, validate, schema, doctor, prepare."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from driver import Virtlab
from lxml import etree

PROJECT = Path(__file__).resolve().parents[2]
BAD = sorted((PROJECT / "tests/labfile/bad").glob("*.yaml"))
DEMO = PROJECT / "labs/demo-paravirt/lab.yaml"


def test_list_and_show(system: Virtlab) -> None:
    assert "demo-paravirt" in system("list").ended(0).out
    assert "demo-paravirt" in system("list", "-o", "name").ended(0).out.split()
    listed = json.loads(system("list", "-o", "json").ended(0).out)
    assert {"name", "title", "file"} <= set(listed[0])
    page = system("show", "demo-paravirt").ended(0).out
    for words in (
        "Emulated hardware beside virtio",
        "ide 64 MiB",
        "e1000 on lab",
        "virtlab up demo-paravirt",
    ):
        assert words in page
    japanese = system("show", "demo-paravirt", LANG="ja_JP.UTF-8").ended(0).out
    assert "エミュレーション" in japanese
    data = yaml.safe_load(system("show", "demo-paravirt", "-o", "yaml").ended(0).out)
    assert [(g["name"], g["optional"]) for g in data["guests"]] == [
        ("full", False),
        ("virtio", False),
        ("vmware", True),
    ]
    assert system("show", "demo-paravirt", "-o", "name").ended(0).out.split() == ["full", "virtio", "vmware"]
    assert "did you mean" in system("show", "demo-paravrt").ended(2).err


def test_render_gives_xml_that_libvirt_would_take(virtlab: Virtlab) -> None:
    whole = virtlab("render", "demo-paravirt").ended(0).out
    assert whole.count("<domain ") == 3
    assert whole.count("<network>") == (0 if virtlab.is_session else 1)
    schemas = Path("/usr/share/libvirt/schemas")
    for guest, disk, nic in (("full", "ide", "e1000"), ("virtio", "virtio", "virtio")):
        text = virtlab("render", f"demo-paravirt/{guest}").ended(0).out
        document = etree.fromstring(text.encode())
        assert document.xpath("devices/disk/target/@bus") == [disk]
        assert document.xpath("devices/interface/model/@type") == [nic]
        if schemas.is_dir():
            etree.RelaxNG(etree.parse(schemas / "domain.rng")).assertValid(document)
    forced = virtlab("render", "demo-paravirt/full", "--accel", "kvm").ended(0).out
    assert etree.fromstring(forced.encode()).get("type") == "kvm"
    bigger = virtlab("render", "demo-paravirt/full", "--set", "full.memory=256MiB").ended(0).out
    assert etree.fromstring(bigger.encode()).findtext("memory") != document.findtext("memory")
    assert "no guest 'nobody'" in virtlab("render", "demo-paravirt/nobody").ended(2).err


def test_what_is_rendered_is_what_runs(system: Virtlab) -> None:
    lab, name = system.lab(), system.name()
    system("up", str(lab), "--as", name).ended(0)
    rendered = etree.fromstring(system("render", f"{lab}/one").ended(0).out.encode())
    runs = etree.fromstring(system.virsh("dumpxml", "--inactive", system.domain(name, "one")).encode())
    for path in ("devices/disk/target/@bus", "devices/rng/@model", "clock/@offset", "os/kernel/text()"):
        assert rendered.xpath(path) == runs.xpath(path) != [], path


def test_validate_and_schema(system: Virtlab) -> None:
    good = system("validate", "demo-paravirt", str(PROJECT / "labs/reference.yaml")).ended(0)
    assert "good: lab demo-paravirt, 3 guests" in good.out
    schema = json.loads(system("schema").ended(0).out)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(DEMO.read_text()), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"virtlab": 1, "name": "x", "guests": {"a": {"memry": 1}}}, schema)


def test_every_bad_lab_is_refused(system: Virtlab) -> None:
    together = system("validate", *map(str, BAD)).ended(2)
    for file in BAD:
        assert str(file) in together.err or file.name in together.err, file
        assert f"{file}: good" not in together.out
    assert together.out == ""
    assert system("up", str(BAD[0])).ended(2).err == system("validate", str(BAD[0])).ended(2).err


def test_doctor(virtlab: Virtlab) -> None:
    page = virtlab("doctor")
    data = json.loads(virtlab("doctor", "-o", "json").out)
    assert page.code == (0 if data["fit"] else 1)
    checks = {check["name"]: check for check in data["checks"]}
    assert {"connection", "libvirt", "qemu", "accelerator", "network", "image tiny"} <= set(checks)
    assert checks["image tiny"]["told"] == "ready"
    assert virtlab.uri in checks["connection"]["told"]
    for check in data["checks"]:
        assert check["good"] or check["remedy"], check
        assert check["name"] in page.out
    verdicts = {lab["name"]: lab for lab in data["labs"]}
    assert verdicts["demo-paravirt"]["how"] in ("kvm", "emulated")
    away = virtlab("doctor", "-c", "qemu+unix:///system?socket=/nonexistent").ended(1)
    assert "connection" in away.out
    assert "can't run here" in away.out


def test_prepare_finds_the_image_ready(system: Virtlab, tmp_path: Path) -> None:
    ready = system("prepare", "demo-paravirt").ended(0)
    assert ready.out.startswith("image tiny ")
    assert ready.out.endswith(": ready\n")
    assert "next: virtlab up demo-paravirt" in ready.err
    assert "prepare what?" in system("prepare").ended(2).err
    elsewhere = system("prepare", "demo-paravirt", XDG_CACHE_HOME=str(tmp_path)).ended(0)
    assert elsewhere.out == ready.out
    assert elsewhere.seconds < 5
    assert not (tmp_path / "virtlab" / "images").exists()


def test_prepare_refresh_builds_anew(session: Virtlab) -> None:
    anew = session("prepare", "demo-paravirt", "--refresh", timeout=200).ended(0)
    assert anew.out.endswith(": ready\n")
    volumes = session.virsh("vol-list", "virtlab").split()
    assert len([v for v in volumes if v.startswith("virtlab..image.tiny.") and v.endswith(".complete")]) == 1
    assert session("prepare", "demo-paravirt").ended(0).out == anew.out
