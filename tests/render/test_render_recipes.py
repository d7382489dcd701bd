"""The definitions in labs/demo-guest-os/recipes: what the templates give, and what libvirt takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from provisioner.render.recipes import recipe_files

FOLDER = Path(__file__).parents[2] / "labs" / "demo-guest-os" / "recipes"
SCHEMA = Path("/usr/share/libvirt/schemas/domain.rng")
FILES = recipe_files()


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_what_the_template_gives(name: str, regenerate: bool) -> None:
    if regenerate:
        (FOLDER / name).write_text(FILES[name], encoding="utf-8")
    assert FILES[name] == (FOLDER / name).read_text(encoding="utf-8")


def test_there_is_no_other_definition() -> None:
    assert {path.name for path in FOLDER.glob("*.xml")} == set(FILES)


@pytest.mark.skipif(not SCHEMA.is_file(), reason="libvirt's schemas are not installed (package libvirt0)")
@pytest.mark.parametrize("name", FILES)
def test_libvirts_schema_takes_it(name: str) -> None:
    rules = etree.RelaxNG(etree.parse(SCHEMA))
    assert rules.validate(etree.fromstring(FILES[name].encode())), rules.error_log


@pytest.mark.parametrize("name", FILES)
def test_no_path_of_the_host_and_no_outside_listener(name: str) -> None:
    root = etree.fromstring(FILES[name].encode())
    assert all(set(source.attrib) == {"pool", "volume"} for source in root.iter("source"))
    assert not [value for element in root.iter() for value in element.attrib.values() if "/" in value]
    assert [each.get("listen") for each in root.iter("graphics")] == ["127.0.0.1"]
    assert "not booted by virtlab's tests" in FILES[name]


@pytest.mark.parametrize("system", ["windows", "freebsd"])
def test_the_move_is_from_sata_to_virtio(system: str) -> None:
    def disk(step: str) -> tuple[str | None, str | None]:
        root = etree.fromstring(FILES[f"{system}-{step}.xml"].encode())
        found = root.find(f"devices/disk/source[@volume='{system}.qcow2']/..")
        assert found is not None
        target = found.find("target")
        assert target is not None
        return target.get("bus"), target.get("dev")

    assert disk("1-sata") == ("sata", "sda")
    assert disk("2-virtio") == ("virtio", "vda")
