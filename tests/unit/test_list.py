"""``list``: labs under the parts of the article."""

from __future__ import annotations

from pathlib import Path

from provisioner.labfile.catalog import Entry
from provisioner.language import Text
from provisioner.report.terminal.labs_page import catalog_table

FILE = Path("lab.yaml")


def test_labs_stand_under_their_parts_in_the_articles_order() -> None:
    entries = [
        Entry("a-mine", Text("Mine"), FILE),
        Entry("b-kvm", Text("Of KVM"), FILE, "6(5)"),
        Entry("c-xen", Text("Of Xen"), FILE, "6(3)"),
        Entry("d-kvm", None, FILE, "6(5)"),
    ]
    assert [line.rstrip() for line in catalog_table(entries).splitlines()] == [
        "  LAB     TITLE",
        "6(3)  Xen",
        "  c-xen   Of Xen",
        "6(5)  KVM",
        "  b-kvm   Of KVM",
        "  d-kvm",
        "other labs",
        "  a-mine  Mine",
    ]


def test_no_labs() -> None:
    assert catalog_table([]).split() == ["LAB", "TITLE"]
