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
packages: {apt: [one]}
kernel: {debian: linux}
programs: {/usr/bin/one: [/usr/bin/one], /usr/bin/two: [/usr/bin/two]}
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
packages: {apt: [two]}
programs: {/usr/bin/two: [/sbin/two]}
modules: {network: [virtio_net], xen: [xenfs]}
files:
  /etc/words: {text: more}
  /etc/own: {from: own}
  /etc/shared: {from: ../shared/common}
directories: [/var]
links: {/sbin: usr/sbin}
"""


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for name, text in {
        "base/image.yaml": BASE,
        "base/init": "#!/bin/sh\n",
        "more/image.yaml": MORE,
        "more/own": "own",
        "shared/common": "common",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_what_is_said_is_added_or_replaces(images: Path) -> None:
    spec = recipe.read("more", images / "more").spec
    assert isinstance(spec, KernelSpec)
    assert spec.title["en"] == "More"
    assert spec.packages == {"apt": ("one", "two")}
    assert spec.kernel == {"debian": "linux"}
    assert spec.programs == {"/usr/bin/one": ("/usr/bin/one",), "/usr/bin/two": ("/sbin/two",)}
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


@pytest.mark.parametrize("file", ["more/own", "base/init", "shared/common"])
def test_the_digest_covers_all_that_it_is_made_of(images: Path, file: str) -> None:
    base, more = (recipe.read(name, images / name).digest for name in ("base", "more"))
    (images / file).write_text("other")
    assert recipe.read("more", images / "more").digest != more
    assert (recipe.read("base", images / "base").digest != base) == (file == "base/init")


SYSTEM = """\
kind: grub
title: {en: System, ja: システム}
description: {en: System, ja: システム}
packages: {apt: [grub]}
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
    assert found.spec.packages == {"apt": ("one", "two", "grub")}
    (images / "system" / "image.yaml").write_text(SYSTEM.replace("ls]", "ls, cat]"))
    assert recipe.read("more", images / "more").digest != found.digest
    (images / "system" / "image.yaml").write_text(BASE)
    (images / "system" / "init").write_text("#!/bin/sh\n")
    with pytest.raises(ImageError, match="system is no system that starts as a kernel"):
        _ = recipe.read("more", images / "more").spec


@pytest.mark.parametrize(
    ("extends", "complaint"), [("nobody", "No such file"), ("more", "extends more than 7 others")]
)
def test_wrong_bases(images: Path, extends: str, complaint: str) -> None:
    path = images / "more" / "image.yaml"
    path.write_text(MORE.replace("extends: base", f"extends: {extends}"))
    with pytest.raises(ImageError, match=complaint):
        recipe.read("more", images / "more")
