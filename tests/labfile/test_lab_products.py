"""The file of products: complete, each cell with a source, true to the article; and bad files with places."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner import paths
from provisioner.errors import LabFileError
from provisioner.labfile import products
from provisioner.labfile.products import Citation, Product
from provisioner.labfile.products_spec import Method, Type
from provisioner.model.article import PARTS

ARTICLE = "article"  # its name among the sources
SOUND = """
virtlab-products: 1
sources:
  article: {title: T, by: B, date: "2011"}
products:
  one:
    title: One
    part: 6(5)
    lab: demo-kvm
    in-2011:
      type: {is: hosted, text: {en: a, ja: あ}, source: [article 6(5)]}
      method: not-known
      management: not-known
      cost: {brief: {en: a, ja: あ}, text: {en: a, ja: あ}, source: [article]}
      guests: not-known
      limits: not-known
    today: {text: {en: a, ja: あ}, source: [article]}
    since: []
"""
Load = Callable[[str], tuple[Product, ...]]


@pytest.fixture(scope="module")
def shipped() -> dict[str, Product]:
    return {product.name: product for product in products.load(paths.products_file())}


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    monkeypatch.chdir(tmp_path)

    def loaded(text: str) -> tuple[Product, ...]:
        (file := Path("products.yaml")).write_text(text, encoding="utf-8")
        return products.load(file)

    return loaded


def citations(product: Product) -> list[tuple[str, tuple[Citation, ...]]]:
    cells = product.in_2011.cells().items()
    return [
        *((name, cell.citations) for name, cell in cells if cell),
        ("today", product.today_citations),
        *((event.when, event.citations) for event in product.since),
    ]


def test_the_six_products_stand_in_the_articles_order(shipped: dict[str, Product]) -> None:
    assert [(p.part, p.lab) for p in shipped.values()] == [
        ("6(1)", "demo-hosted"),
        ("6(2)", "demo-vmware"),
        ("6(3)", "demo-xen"),
        ("6(4)", "demo-hyperv"),
        ("6(5)", "demo-kvm"),
        ("6(6)", "demo-openvz"),
    ]
    assert all(product.part in PARTS and product.since for product in shipped.values())


def test_each_cell_has_a_source_and_a_text_in_both_languages(shipped: dict[str, Product]) -> None:
    for product in shipped.values():
        for name, cell in product.in_2011.cells().items():
            assert cell is not None, f"{product.name}: {name}"
            assert cell.brief.ja
            assert re.search("[\u3040-\u30ff]", cell.text.ja or "")
        assert all(cited for _, cited in citations(product))


def test_each_place_in_the_article_is_the_products_own(shipped: dict[str, Product]) -> None:
    for number, product in enumerate(shipped.values(), 1):
        own = re.compile(rf"5\([12]\)|6\({number}\)|7\.1\.{number}(\.[12])?")
        for _, cited in citations(product):
            for each in cited:
                if each.source.name == ARTICLE:
                    assert own.fullmatch(each.place), f"{product.name}: {each.place}"


def test_what_happened_since_is_in_order_and_not_from_the_article(shipped: dict[str, Product]) -> None:
    for product in shipped.values():
        assert [event.when for event in product.since] == sorted(event.when for event in product.since)
        for event in product.since:
            assert all(each.source.name != ARTICLE for each in event.citations)


def test_each_source_is_cited(shipped: dict[str, Product]) -> None:
    cited = {source.name for product in shipped.values() for source in product.sources()}
    written = paths.products_file().read_text(encoding="utf-8")
    block = written[written.index("\nsources:") : written.index("\nproducts:")]
    assert cited == set(re.findall(r"^  ([a-z0-9.-]+):$", block, re.MULTILINE))


def test_no_address_of_a_host_is_in_it() -> None:
    assert not re.search(r"https?:|www\.", paths.products_file().read_text(encoding="utf-8"))


# What the article says, by the part that says it; the words that must be in the cell.
SPOTS = [
    ("vmware-server", "type", Type.HOSTED, "6(1)", "operating system"),
    ("vmware-server", "management", None, "6(1)", "any machine on the network"),
    ("vmware-server", "guests", None, "7.1.1", "FreeBSD from 4.9 on and Solaris for x86 from 8 on"),
    ("vmware-server", "limits", None, "6(1)", "the host system has a driver for"),
    ("vmware-server", "limits", None, "5(1)", "costs speed"),
    ("esxi", "type", Type.HYPERVISOR, "6(2)", "on the server itself"),
    ("esxi", "method", Method.FULL, "6(2)", "need no change"),
    ("esxi", "cost", None, "6(2)", "account"),
    ("esxi", "guests", None, "7.1.2", "FreeBSD 6 and Solaris"),
    ("esxi", "limits", None, "6(2)", "vmkernel"),
    ("xenserver", "type", Type.HYPERVISOR, "6(3)", "Domain 0"),
    ("xenserver", "method", Method.BOTH, "6(3)", "paravirtualized"),
    ("xenserver", "cost", None, "6(3)", "March 2009"),
    ("xenserver", "guests", None, "7.1.3.1", "some distributions of Linux"),
    ("xenserver", "limits", None, "7.1.3.2", "VT-x or AMD-V"),
    ("hyper-v", "type", Type.HYPERVISOR, "6(4)", "Windows Hypervisor"),
    ("hyper-v", "management", None, "6(4)", "Windows Server"),
    ("hyper-v", "cost", None, "6(4)", "October 2008"),
    ("hyper-v", "guests", None, "7.1.4", "some distributions of Linux"),
    ("hyper-v", "limits", None, "6(4)", "whose device drivers the guests use"),
    ("kvm", "type", Type.HYPERVISOR, "6(5)", "scheduler and memory management"),
    ("kvm", "cost", None, "6(5)", "2.6.20"),
    ("kvm", "guests", None, "7.1.5", "by far more than the other products"),
    ("kvm", "limits", None, "6(5)", "QEMU"),
    ("openvz", "type", Type.OS_LEVEL, "6(6)", "virtual private servers"),
    ("openvz", "cost", None, "6(6)", "Virtuozzo"),
    ("openvz", "guests", None, "6(6)", "Only Linux, on a Linux host"),
    ("openvz", "limits", None, "6(6)", "needs less"),
]


@pytest.mark.parametrize(("product", "aspect", "choice", "place", "words"), SPOTS)
def test_it_says_what_the_article_says(
    shipped: dict[str, Product],
    product: str,
    aspect: str,
    choice: Type | Method | None,
    place: str,
    words: str,
) -> None:
    cell = shipped[product].in_2011.cells()[aspect]
    assert cell is not None
    assert cell.choice is choice
    assert words in cell.text.en
    assert (ARTICLE, place) in [(each.source.name, each.place) for each in cell.citations]


def test_where_the_article_is_silent_it_is_not_cited_alone(shipped: dict[str, Product]) -> None:
    for product in shipped.values():
        for cell in product.in_2011.cells().values():
            assert cell is not None
            if "The article does not say" in cell.text.en:
                assert cell.citations[0].source.name != ARTICLE


def test_what_no_source_says_is_not_known(load: Load) -> None:
    (one,) = load(SOUND)
    assert one.in_2011.method is None
    assert one.in_2011.type is not None
    assert one.in_2011.type.citations[0].place == "6(5)"
    assert [source.name for source in one.sources()] == ["article"]


@pytest.mark.parametrize(
    ("wrong", "right", "told"),
    [
        (
            "[article 6(5)]",
            "[articel 6(5)]",
            "11:57: products.one.in-2011.type.source.0: "
            'there is no source "articel" (did you mean "article"?)',
        ),
        (
            "[article 6(5)]",
            "[]",
            "11:48: products.one.in-2011.type.source: no source (write not-known where nobody says it)",
        ),
        (
            "method: not-known",
            "method: unknown",
            '12:15: products.one.in-2011.method: "unknown" is not known '
            '(use not-known; did you mean "not-known"?)',
        ),
        (
            "is: hosted",
            "is: host",
            '11:18: products.one.in-2011.type.is: "host" is not known '
            '(use hosted, hypervisor or os-level; did you mean "hosted"?)',
        ),
        (
            "      cost: {brief: {en: a, ja: あ}, text: {en: a, ja: あ}",
            "      cost: {brief: {en: a, ja: あ}, text: {en: a}",
            '14:37: products.one.in-2011.cost.text: the key "ja" is missing (The text in Japanese)',
        ),
        (
            'date: "2011"',
            'date: "2011", read: "2012"',
            "4:3: sources.article: date and read stand here together (give exactly one: date or read)",
        ),
        (
            'date: "2011"',
            "date: 15.8.2011",
            '4:36: sources.article.date: "15.8.2011" is not a date such as "2011-08-15", "2011-08" or "2011"',
        ),
        ("lab: demo-kvm", "labs: demo-kvm", '9:5: products.one: unknown key "labs" (did you mean "lab"?)'),
    ],
)
def test_a_bad_file_is_told_with_its_place(load: Load, wrong: str, right: str, told: str) -> None:
    assert wrong in SOUND
    with pytest.raises(LabFileError) as caught:
        load(SOUND.replace(wrong, right, 1))
    assert f"products.yaml:{told}" in caught.value.problems


def test_all_problems_are_told_at_once(load: Load) -> None:
    bad = (
        SOUND.replace("is: hosted", "is: x").replace("part: 6(5)", "part: 9").replace("[article]", "[no]", 1)
    )
    with pytest.raises(LabFileError) as caught:
        load(bad)
    assert len(caught.value.problems) >= 2
