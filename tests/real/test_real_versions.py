"""A guest that another version of virtlab made, under real libvirt."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from driver import Virtlab

from provisioner.model.metadata import FORMAT

_ELEMENT = re.compile(r"(<virtlab:stamp[^>]*>)(.*?)(</virtlab:stamp>)", re.DOTALL)


def rewrite(of: Virtlab, domain: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> str:
    """Redefines a stopped domain with other metadata; returns its definition of before."""
    xml = of.virsh("dumpxml", "--inactive", domain)

    def changed(match: re.Match[str]) -> str:
        data = change(json.loads(html.unescape(match[2])))
        return f"{match[1]}{html.escape(json.dumps(data), quote=False)}{match[3]}"

    text, count = _ELEMENT.subn(changed, xml)
    assert count == 1
    define(of, text)
    return xml


def define(of: Virtlab, xml: str) -> None:
    file = Path(of.home, "domain.xml")
    file.write_text(xml)
    of.virsh("define", str(file))


def as_format_1(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "format": 1, "guest": data["guest"]["name"], "definition": data["guest"]}


def test_an_earlier_format_starts_and_a_later_one_is_left_alone(
    system: Virtlab,
) -> None:
    lab, name = system.lab(), system.name()
    domain = system.domain(name, "one")
    system("up", str(lab), "--as", name).ended(0)
    system("stop", "--timeout", "0", name).ended(0)
    rewrite(system, domain, as_format_1)
    system("start", name).ended(0)
    before = system.pids(name)
    assert before
    system("up", str(lab), "--as", name).ended(0)
    assert system.pids(name) == before

    system("stop", "--timeout", "0", name).ended(0)
    xml = rewrite(system, domain, lambda data: {**data, "format": FORMAT + 1})
    try:
        told = f"{name} was made by a later version of virtlab: guest one (metadata in format {FORMAT + 1})"
        for verb in ("down", "start", "check"):
            refused = system(verb, name).ended(1)
            assert told in refused.err
            assert "update virtlab, or go on with the version that made it" in refused.err
        assert told in system("up", str(lab), "--as", name).ended(1).err
        assert told in system("exec", f"{name}/one", "--", "true").ended(125).err
        shown = system("status").ended(0).out
        assert f"{name}: made by a later version of virtlab: guest one" in shown
        assert domain in system.virsh("list", "--all", "--name").split()
    finally:
        define(system, xml)
    system("down", name).ended(0)
