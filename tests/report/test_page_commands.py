"""Commands in pages can be typed as they stand there, in a clone and installed, of named instances, too."""

from __future__ import annotations

import dataclasses
import html
import re

import course_samples
import page_samples
import pytest

from provisioner import paths
from provisioner.labfile import catalog
from provisioner.language import Language
from provisioner.model.typed import Typed
from provisioner.report.html import course_html, lab_html
from provisioner.verbs.page import Page
from tests import printed

LAB = "demo-paravirt"
OWN = "/home/me/my lab/lab.yaml"


def pages(how: Typed) -> list[str]:
    """A page of all there is, those of nothing, and the course with such a lab."""
    folder = paths.labs_dir() / LAB
    guides = {each: (folder / f"guide.{each}.md").read_text(encoding="utf-8") for each in Language}
    whole: Page = dataclasses.replace(page_samples.page(), typed=how, guide=guides)
    empty = dataclasses.replace(whole, rows=(), findings=(), bench=None, host=None, guests=(), is_up=False)
    course = course_samples.course()
    entries = tuple(dataclasses.replace(entry, page=entry.page and empty) for entry in course.entries)
    return [
        *(
            lab_html.html(page, Language.EN)
            for page in (whole, empty, dataclasses.replace(empty, is_up=True))
        ),
        course_html.html(dataclasses.replace(course, entries=entries), Language.EN),
    ]


@pytest.mark.parametrize("run_as", ["virtlab", "./bootstrap virtlab"])
@pytest.mark.parametrize("how", [Typed(LAB, LAB), Typed(LAB, "n1", named=True), Typed(OWN, "n1", named=True)])
def test_commands_in_pages(how: Typed, run_as: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTLAB_RUN_AS", run_as)
    known = {how.target, how.instance, "my-lab", "LAB", OWN, *catalog.names(paths.labs_dir())}
    for page in pages(how):
        codes = [html.unescape(code) for code in re.findall("<code>(.*?)</code>", page, re.DOTALL)]
        typed = "\n".join(codes).replace("\\\n", "").replace(f"{run_as} ", f"{printed.MARK} ")
        told = [words for line in typed.splitlines() for words in printed.in_shell(line)]
        assert len(told) > 3
        for words in told:
            command = printed.parsed(words)
            assert {each if each in known else each.partition("/")[0] for each in command.targets} <= known
            if command.verb == "up":
                assert not how.named or how.instance not in command.targets
                assert (command.given["as_name"] == how.instance) == (
                    how.named and how.target in command.targets
                )
