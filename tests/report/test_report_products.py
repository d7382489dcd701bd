"""``products``: the short table, all of one product, and the data, in both languages."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys

import pytest
import yaml

from provisioner import paths
from provisioner.labfile import products as file
from provisioner.labfile.products import Product
from provisioner.language import Language
from provisioner.report.terminal import products_page as pages
from provisioner.report.terminal.wrap import width


@pytest.fixture(scope="module")
def products() -> tuple[Product, ...]:
    return file.load(paths.products_file())


def run(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "provisioner", "products", *args],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env={k: v for k, v in os.environ.items() if not k.startswith("VIRTLAB_")} | environment,
    )


@pytest.mark.parametrize("across", [60, 80, 100, 120, 160])
@pytest.mark.parametrize("language", list(Language))
def test_no_line_is_wider_than_the_terminal(
    products: tuple[Product, ...], language: Language, across: int
) -> None:
    text = [pages.table_page(products, language, across)]
    text += [pages.product_page(product, language, across) for product in products]
    for line in "\n".join(text).split("\n"):
        assert width(line) <= across or line.startswith("next: "), line  # which is to be pasted


def test_the_table_has_a_line_for_each_and_what_became_of_it(products: tuple[Product, ...]) -> None:
    lines = pages.table_page(products, Language.EN, 80).splitlines()
    assert lines[0].split("  ")[0] == "PRODUCT"
    assert "VMware Server     hosted      full           free             demo-hosted" in lines
    assert "OpenVZ            OS level    neither        open source      demo-openvz" in lines
    assert "  Discontinued in January 2010; support had ended six weeks before the article" in lines


def test_a_wide_terminal_shows_management_and_guest_systems(products: tuple[Product, ...]) -> None:
    assert "web browser" not in pages.table_page(products, Language.EN, 80)
    wide = pages.table_page(products, Language.EN, 140)
    assert "web browser" in wide
    assert "Windows, some Linux" in wide


def test_in_japanese(products: tuple[Product, ...]) -> None:
    table = pages.table_page(products, Language.JA, 80)
    assert "ホストOS型" in table
    assert "記事の表は画像だったため失われています" in table.replace("\n", "")
    page = pages.product_page(products[2], Language.JA, 80)
    for words in ("2011年当時", "その後", "出典", "ドメイン0", "VT-x"):
        assert words in page


def test_the_table_is_never_said_to_be_the_articles(products: tuple[Product, ...]) -> None:
    table = " ".join(pages.table_page(products, Language.EN, 80).split())
    assert "The table is ours: the article's own was a picture, and is lost." in table


def test_all_of_a_product_has_its_sources_by_number(products: tuple[Product, ...]) -> None:
    xen = pages.product_page(products[2], Language.EN, 100)
    assert "[1, 7.1.3.2]" in xen
    assert "[1]  Smile Engineering blog: 無料で使える仮想化技術【第二回】 (2011-08-15)" in xen
    for number in range(1, len(products[2].sources()) + 1):
        assert f"  [{number}]  " in xen


def test_what_is_not_known_is_said(products: tuple[Product, ...]) -> None:
    bare = dataclasses.replace(products[0].in_2011, limits=None, type=None)
    product = dataclasses.replace(products[0], in_2011=bare)
    assert "limits         not known" in pages.product_page(product, Language.EN, 80)
    assert "VMware Server     not known" in pages.table_page([product, *products[1:]], Language.EN, 80)
    assert pages.data([product])["products"][0]["in_2011"]["limits"] is None


def test_data_is_complete_and_its_sources_are_there() -> None:
    data = json.loads(run("-o", "json").stdout)
    assert data == yaml.safe_load(run("-o", "yaml").stdout)
    assert len(data["products"]) == 6
    for product in data["products"]:
        told = [*product["in_2011"].values(), product["today"], *product["since"]]
        assert len(told) >= 8
        for each in told:
            assert each["text"]["en"]
            assert each["text"]["ja"]
            assert each["sources"]
            assert all(source["source"] in data["sources"] for source in each["sources"])
    assert data["products"][0]["in_2011"]["type"]["is"] == "hosted"
    assert data["products"][2]["in_2011"]["method"]["is"] == "both"


def test_the_verb_takes_names_and_says_what_it_does_not_know() -> None:
    assert run("-o", "name").stdout.split() == [
        "vmware-server",
        "esxi",
        "xenserver",
        "hyper-v",
        "kvm",
        "openvz",
    ]
    assert run("kvm", "--lang", "ja").stdout.startswith("KVM (Kernel-based Virtual Machine)\n6(5)  KVM\n今も")
    assert run(LC_ALL="ja_JP.UTF-8").stdout.startswith("製品")
    told = run("vmware")
    assert (told.returncode, told.stdout) == (2, "")
    assert 'there is no product "vmware" (did you mean "vmware-server"?)' in told.stderr
