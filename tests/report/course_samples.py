"""A course to draw: a lab that was run, one that failed its check, and others that were not run."""

from __future__ import annotations

import dataclasses

import page_samples

from provisioner import paths
from provisioner.labfile import products
from provisioner.language import Text
from provisioner.teach.verdicts import Finding, Verdict
from provisioner.verbs.course import Course, Entry, OtherRun
from provisioner.verbs.own_work import Run


def entry(target: str, title: Text, part: str | None) -> Entry:
    """A lab that was not run."""
    return Entry(target, title, Text(f"What {target} shows.", f"{target}の内容。"), part, None, ())


def others(findings: tuple[Finding, ...]) -> tuple[OtherRun, ...]:
    """A copy that was checked, and an instance that ``--set`` changed."""
    written, source = "2026-02-01T10:12:00+00:00", "/home/me/my-lab/lab.yaml"
    copy = Run("my-lab", source, ("check",), written, True, ())
    changed = Run("n1", "catalog:demo-paravirt", ("compare",), written, False, ("full.rng=virtio",))
    return OtherRun(copy, written, findings), OtherRun(changed, "", ())


def course() -> Course:
    page = dataclasses.replace(page_samples.page(), is_up=False)
    wrong = dataclasses.replace(page.findings[0], verdict=Verdict.FAIL, why="it is not so")
    failed = dataclasses.replace(page, bench=None, findings=(wrong, *page.findings[1:]), concept=None)
    steps = ((Text("Find the driver", "ドライバを見つける"), True), (Text("Measure it", "測る"), False))
    return Course(
        entries=(
            entry(
                "demo-hosted",
                Text("A machine as an application", "アプリケーションとしての仮想マシン"),
                "5(1)",
            ),
            Entry(
                "demo-paravirt", page.title, page.description, "5(2)", page, steps, others(failed.findings)
            ),
            entry("demo-openvz", Text("One kernel, cut into VPSes", "1つのカーネルを分けるVPS"), "6(6)"),
            Entry("/home/me/my lab/lab.yaml", Text("My own", "自作"), None, None, failed, ()),
        ),
        products=products.load(paths.products_file()),
        made="2026-03-01T10:30:00+00:00",
        version="0.1.0",
    )
