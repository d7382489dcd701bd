"""Recipes that extend others."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.errors import ImageError
from provisioner.images import recipe
from provisioner.images.recipe import KernelSpec

BASE = """\
kind: kernel
title: {en: Base, ja: 土台}
description: {en: Base, ja: 土台}
programs: {/usr/bin/one: one, /usr/bin/two: two, /usr/bin/gone: gone}
modules: {disks: [sd_mod], network: [e1000]}
optional_modules: [cpuid]
files:
  /init: {from: init, mode: "0755"}
  /etc/words: {text: base}
directories: [/dev]
links: {/bin: usr/bin}
"""
MORE = """\
kind: kernel
extends: base
title: {en: More, ja: 追加}
description: {en: More, ja: 追加}
programs: {/usr/bin/two: other-two, /usr/bin/gone: null, /usr/bin/own: {made: /boot/own}}
modules: {network: [virtio_net], xen: [xenfs]}
files:
  /etc/words: {text: more}
  /etc/own: {from: own}
  /etc/shared: {from: ../shared/common}
directories: [/var]
links: {/sbin: usr/sbin}
"""


PARTS = """\
linux: {places: [/boot/vmlinuz-*], packages: {debian: [linux]}, along: ["linux-*"]}
one: {places: [/usr/bin/one], packages: {apt: [one]}}
two: {places: [/usr/bin/two, /bin/two], packages: {apt: [two]}}
other-two: {places: [/sbin/two], packages: {apt: [other]}, optional: it is built in}
gone: {places: [/usr/bin/gone], packages: {apt: [gone]}}
grub-mkimage: {places: [/usr/bin/grub-mkimage], packages: {apt: [grub]}}
grub-pc: {places: [/usr/lib/grub/i386-pc/boot.img], packages: {apt: [grub]}}
"""


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for name, text in {
        "base/image.yaml": BASE,
        "base/init": "#!/bin/sh\n",
        "more/image.yaml": MORE,
        "more/own": "own",
        "shared/common": "common",
        "parts.yaml": PARTS,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_what_is_said_is_added_or_replaces(images: Path) -> None:
    spec = recipe.read("more", images / "more").spec
    assert isinstance(spec, KernelSpec)
    assert spec.title["en"] == "More"
    assert {path: (part.name, part.places) for path, part in spec.programs.items()} == {
        "/usr/bin/one": ("one", ("/usr/bin/one",)),
        "/usr/bin/two": ("other-two", ("/sbin/two",)),
        "/usr/bin/own": ("/boot/own", ("/boot/own",)),
    }
    assert [part.name for part in spec.needed] == ["linux", "one", "other-two"]
    assert spec.programs["/usr/bin/two"].optional == "it is built in"
    assert spec.modules == ("sd_mod", "virtio_net", "xenfs")
    assert spec.optional_modules == ("cpuid",)
    assert {file.path: (file.data, file.mode) for file in spec.files} == {
        "/init": (b"#!/bin/sh\n", 0o755),
        "/etc/words": (b"more", 0o644),
        "/etc/own": (b"own", 0o644),
        "/etc/shared": (b"common", 0o644),
    }
    assert spec.directories == ("/dev", "/var")
    assert spec.links == {"/bin": "usr/bin", "/sbin": "usr/sbin"}


@pytest.mark.parametrize("file", ["more/own", "base/init", "shared/common", "parts.yaml"])
def test_the_digest_covers_all_that_it_is_made_of(images: Path, file: str) -> None:
    base, more = (recipe.read(name, images / name).digest for name in ("base", "more"))
    with (images / file).open("a") as content:
        content.write("# other\n")
    assert recipe.read("more", images / "more").digest != more
    assert (recipe.read("base", images / "base").digest != base) == (file in ("base/init", "parts.yaml"))


SYSTEM = """\
kind: grub
title: {en: System, ja: システム}
description: {en: System, ja: システム}
modules: [ls]
config: ls
prompt: "> "
"""


def test_a_system_runs_inside(images: Path) -> None:
    (images / "more" / "image.yaml").write_text(MORE + "guests: [system]\n")
    (images / "system").mkdir()
    (images / "system" / "image.yaml").write_text(SYSTEM)
    found = recipe.read("more", images / "more")
    assert isinstance(found.spec, KernelSpec)
    assert found.spec.guests["system"].modules == ("ls",)
    needed = [part.name for part in found.spec.needed]
    assert needed == ["linux", "one", "other-two", "grub-mkimage", "grub-pc"]
    (images / "system" / "image.yaml").write_text(SYSTEM.replace("ls]", "ls, cat]"))
    assert recipe.read("more", images / "more").digest != found.digest
    (images / "third").mkdir()
    (images / "third" / "image.yaml").write_text("extends: more\n")
    third = recipe.read("third", images / "third")
    assert isinstance(third.spec, KernelSpec)
    assert "system" in third.spec.guests
    (images / "system" / "image.yaml").write_text(SYSTEM)
    assert recipe.read("third", images / "third").digest != third.digest
    (images / "system" / "image.yaml").write_text(BASE)
    (images / "system" / "init").write_text("#!/bin/sh\n")
    with pytest.raises(ImageError, match="system is no system that starts as a kernel"):
        _ = recipe.read("more", images / "more").spec


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("one: {places", "won: {places", "one is no part of parts.yaml"),
        ("places: [/usr/bin/one]", "places: []", "one: places are absolute paths"),
        ("places: [/usr/bin/one]", "places: [/usr/../one]", "one: places are absolute paths"),
        ("optional: it", "option: it", "other-two: unknown key option"),
        ("linux: {", "kernel: {", "linux is missing"),
    ],
)
def test_wrong_parts(images: Path, old: str, new: str, complaint: str) -> None:
    (images / "parts.yaml").write_text(PARTS.replace(old, new, 1))
    with pytest.raises(ImageError, match=complaint):
        _ = recipe.read("more", images / "more").spec


@pytest.mark.parametrize(
    "words",
    [
        "guests: [system]\n",
        "guests: [ system ]  # inside\n",
        "guests:\n  - system\n",
        "guests:\n- system   # inside\n",
        "'guests':\n    - &inner 'system'\n",
        '"guests" : [\n  "system",\n]\n',
        "description: {en: &inner system, ja: &list [*inner]}\nguests: *list\n",
        "kind: boot-disk\nloader: {memory: 1 MiB, guests: [system]}\n",
        "kind: boot-disk\nloader:\n    guests:\n        - system\n",
        "kind: boot-disk\nguests: [other]\nloader:\n  guests: [system]\n",
    ],
)
def test_the_digest_covers_systems_inside_however_they_are_written(images: Path, words: str) -> None:
    for name in ("more", "system", "other"):
        (images / name).mkdir(exist_ok=True)
        (images / name / "image.yaml").write_text(SYSTEM)
    (images / "more" / "image.yaml").write_text("extends: base\n" + words)
    digest = recipe.read("more", images / "more").digest
    with (images / "system" / "image.yaml").open("a") as content:
        content.write("# other\n")
    assert recipe.read("more", images / "more").digest != digest


@pytest.mark.parametrize(
    "words",
    [
        "extends: base # more\n",
        "extends:   'base'\n",
        "'extends':\n  base\n",
        "{extends: base, kind: kernel}",
    ],
)
def test_the_digest_covers_what_is_extended_however_it_is_written(images: Path, words: str) -> None:
    (images / "more" / "image.yaml").write_text(words)
    digest = recipe.read("more", images / "more").digest
    (images / "base" / "init").write_text("other")
    assert recipe.read("more", images / "more").digest != digest


def test_the_digest_covers_files_of_other_folders(images: Path) -> None:
    (images / "base" / "image.yaml").write_text(BASE.replace("from: init", "from: ../more/own"))
    digest = recipe.read("base", images / "base").digest
    (images / "more" / "own").write_text("other")
    assert recipe.read("base", images / "base").digest != digest


def test_what_no_packages_go_into_depends_on_no_parts(images: Path) -> None:
    (images / "more" / "image.yaml").write_text("kind: 'disk'   # of words\nfiles: {/own: {from: own}}\n")
    digest = recipe.read("more", images / "more").digest
    (images / "parts.yaml").write_text("")
    assert recipe.read("more", images / "more").digest == digest


@pytest.mark.parametrize(
    ("more", "base", "complaint"),
    [
        ("extends: more", BASE, "more/image.yaml:1:10: the recipe more depends on itself"),
        ("guests:\n  - more", BASE, "more/image.yaml:2:5: the recipe more depends on itself"),
        (
            "extends: base",
            "kind: kernel\nextends: more",
            "base/image.yaml:2:10: the recipe more depends on itself by way of base",
        ),
        (
            "kind: kernel\nguests: [base]",
            "loader: {guests: [more]}",
            "base/image.yaml:1:19: the recipe more depends on itself by way of base",
        ),
        (
            "extends: base",
            "guests: [more]",
            "base/image.yaml:1:10: the recipe more depends on itself by way of base",
        ),
        (
            "extends: base",
            "extends: base",
            "base/image.yaml:1:10: the recipe base depends on itself",
        ),
        ("extends: nobody", BASE, "more/image.yaml:1:10: there is no recipe nobody"),
        ("guests: [base, nobody]", BASE, "more/image.yaml:1:16: there is no recipe nobody"),
        ("extends: ../base", BASE, "more/image.yaml:1:10: this is no name of a recipe"),
        ("guests: [[base]]", BASE, "more/image.yaml:1:10: this is no name of a recipe"),
        ("guests: base", BASE, "more/image.yaml:1:9: guests is a list of recipes"),
    ],
)
def test_wrong_names_of_recipes(images: Path, more: str, base: str, complaint: str) -> None:
    (images / "more" / "image.yaml").write_text(more)
    (images / "base" / "image.yaml").write_text(base)
    with pytest.raises(ImageError) as raised:
        recipe.read("more", images / "more")
    assert raised.value.message == f"{images}/{complaint}"


def test_a_recipe_may_be_used_in_more_than_one_way(images: Path) -> None:
    """What it extends runs inside it, too: no circle."""
    (images / "more" / "image.yaml").write_text(
        "extends: base\nguests: [base, base]\nloader: {guests: [base]}\n"
    )
    assert recipe.read("more", images / "more").digest


@pytest.mark.parametrize("words", ["", "- kind\n", "kind: 2001-99-99\n"])
def test_what_is_no_recipe(images: Path, words: str) -> None:
    (images / "more" / "image.yaml").write_text(words)
    with pytest.raises(ImageError, match=r"more/image\.yaml"):
        recipe.read("more", images / "more")
