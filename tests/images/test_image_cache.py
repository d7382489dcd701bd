from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from provisioner.errors import ImageError, InputError
from provisioner.images import build, cache, packages, recipe, registry
from provisioner.images.managers import provider
from provisioner.images.packages import detect_system
from provisioner.units import MIB

TEMPLATES = Path(__file__).parents[2] / "templates"
CHILD = """
import os, signal, sys, time
from pathlib import Path
from provisioner.images import build, cache, registry

def progress(step, done):
    print(step, flush=True)
    if step.startswith("making"):
        {during}

image = build.build(registry.get("notes", Path({templates!r})), Path({root!r}), progress=progress)
print("made", image.id)
"""


def child(root: Path, during: str) -> subprocess.Popen[str]:
    code = CHILD.format(during=during, templates=str(TEMPLATES), root=str(root))
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=TEMPLATES.parent
    )


def notes() -> recipe.Recipe:
    return registry.get("notes", TEMPLATES)


def make(root: Path, *, refresh: bool = False) -> tuple[cache.BuiltImage, list[str]]:
    steps: list[str] = []
    image = build.build(notes(), root, progress=lambda step, done: steps.append(step), refresh=refresh)
    return image, steps


def test_built_once_and_found(tmp_path: Path) -> None:
    assert cache.find(notes(), tmp_path) is None
    image, steps = make(tmp_path)
    assert steps == ["making the disk"]
    assert image.kind == "disk"
    assert image.files["disk"].stat().st_size == 32 * 1024**2
    assert make(tmp_path) == (image, [])
    assert make(tmp_path, refresh=True) == (image, [])
    assert cache.find(notes(), tmp_path) == image
    assert cache.images(tmp_path) == [image]


def test_finding_is_fast(tmp_path: Path) -> None:
    make(tmp_path)
    start = time.perf_counter()
    for _ in range(10):
        assert cache.find(notes(), tmp_path)
    assert (time.perf_counter() - start) / 10 < 0.01


def test_same_recipe_same_bytes(tmp_path: Path) -> None:
    first, _ = make(tmp_path / "one")
    second, _ = make(tmp_path / "two")
    assert first.manifest == second.manifest


def test_the_disk_holds_the_files_as_root(tmp_path: Path) -> None:
    image, _ = make(tmp_path)
    disk = str(image.files["disk"])
    subprocess.run(["e2fsck", "-fn", disk], check=True, capture_output=True, env=sbin())
    shown = subprocess.run(
        ["debugfs", "-R", "stat /README.txt", disk], check=True, capture_output=True, text=True, env=sbin()
    ).stdout
    assert "User:     0   Group:     0" in shown


def sbin() -> dict[str, str]:
    return {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}


def test_cut_file_is_not_found_and_is_built_again(tmp_path: Path) -> None:
    image, _ = make(tmp_path)
    os.truncate(image.files["disk"], 4096)
    assert cache.find(notes(), tmp_path) is None
    again, steps = make(tmp_path)
    assert steps == ["making the disk"]
    assert again == image


def test_changed_bytes_are_seen_by_prepare(tmp_path: Path) -> None:
    image, _ = make(tmp_path)
    with image.files["disk"].open("r+b") as disk:
        disk.seek(1_000_000)
        disk.write(b"rot")
    assert make(tmp_path, refresh=True)[1] == ["making the disk"]
    assert cache.exact(notes(), packages.this_system(), image.id, tmp_path)


@pytest.mark.parametrize("manifest", ["", "{", "[]", '{"files": 1}', "{}"])
def test_damaged_manifest(tmp_path: Path, manifest: str) -> None:
    image, _ = make(tmp_path)
    (image.files["disk"].parent / "manifest.json").write_text(manifest)
    assert cache.find(notes(), tmp_path) is None
    assert make(tmp_path)[0] == image


def test_killed_while_building(tmp_path: Path) -> None:
    half = tmp_path / "building" / "half"
    with child(
        tmp_path, f"Path({str(half)!r}).write_text('x'); os.kill(os.getpid(), signal.SIGKILL)"
    ) as killed:
        assert killed.wait(30) == -signal.SIGKILL
    assert half.exists()
    assert cache.find(notes(), tmp_path) is None
    image, steps = make(tmp_path)
    assert steps == ["making the disk"]
    assert not (tmp_path / "building").exists()
    assert cache.find(notes(), tmp_path) == image


def test_killed_at_any_moment(tmp_path: Path) -> None:
    expected, _ = make(tmp_path / "whole")
    root = tmp_path / "killed"
    for delay in (0.0, 0.01, 0.02, 0.04, 0.06, 0.08):
        with child(root, "pass") as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(delay)
            process.kill()
        found = cache.find(notes(), root)
        assert found is None or cache.exact(notes(), packages.this_system(), expected.id, root) == found
    assert make(root)[0].id == expected.id


def test_nobody_else_can_hold_up_a_build(tmp_path: Path) -> None:
    """Another user can lock whatever file they can open, for reading, too."""
    file = tmp_path / "build.lock"
    file.touch(0o644)
    make(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("free", "told"), [(5 * MIB, True), (5000 * MIB, False)])
def test_a_build_that_fails_where_hardly_any_space_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, told: bool
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with (
        pytest.raises(ImageError, match="apt-get failed") as caught,
        cache.building(tmp_path, lambda: None),
    ):
        raise ImageError("apt-get failed (100): write: No space", hint="run `apt-get update` as root")
    assert (f"only 5 MiB is free in {tmp_path}" in caught.value.message) == told
    assert ("XDG_CACHE_HOME" in (caught.value.hint or "")) == told


def test_two_builds_at_once(tmp_path: Path) -> None:
    first = child(tmp_path, "time.sleep(1)")
    assert first.stdout is not None
    assert first.stdout.readline() == "making the disk\n"
    second = child(tmp_path, "pass")
    outputs = [process.communicate(timeout=30)[0].splitlines() for process in (first, second)]
    assert outputs[1][0] == "waiting for another build to end"
    assert "making the disk" not in outputs[1]
    assert outputs[0][-1] == outputs[1][-1]


def test_a_changed_recipe_is_another_image(tmp_path: Path) -> None:
    folder = tmp_path / "recipe"
    folder.mkdir()
    for path in notes().folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    same = recipe.read("notes", folder)
    assert same.digest == notes().digest
    (folder / "README.txt").write_text("other words")
    other = recipe.read("notes", folder)
    image, _ = make(tmp_path / "cache")
    assert cache.find(other, tmp_path / "cache") is None
    assert image.manifest["recipe"] == same.digest


def test_cache_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ImageError, match="can't be written") as failed:
        make(tmp_path / "file")
    assert failed.value.hint


def os_release(folder: Path, text: str) -> Path:
    path = folder / "os-release"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "machine", "message"),
    [
        ('ID=fedora\nVERSION_ID="41"\n', "x86_64", "this system is fedora 41"),
        ("ID=debian\nVERSION_ID=12\n", "aarch64", "this one is aarch64"),
        ("", "x86_64", "this system is linux rolling"),
    ],
)
def test_unsupported_systems(tmp_path: Path, text: str, machine: str, message: str) -> None:
    system = detect_system(machine, os_release(tmp_path, text))
    with pytest.raises(ImageError, match=message) as failed:
        provider(system, tmp_path)
    assert failed.value.hint


def test_a_descendant_of_ubuntu_is_supported(tmp_path: Path) -> None:
    text = 'ID=linuxmint\nVERSION_ID="22"\nID_LIKE="ubuntu debian"\n'
    system = detect_system("x86_64", os_release(tmp_path, text))
    assert system.likes == ("linuxmint", "ubuntu", "debian")
    assert provider(system, tmp_path)


def test_catalogue() -> None:
    assert registry.names(TEMPLATES) == [
        "consolidation",
        "grub",
        "grub-bios",
        "grub-disk",
        "grub-timed",
        "hosted",
        "kvm",
        "notes",
        "tiny",
        "vz",
        "xen",
        "xen-domu",
    ]
    for name in registry.names(TEMPLATES):
        spec = registry.get(name, TEMPLATES).spec
        assert set(spec.title) == set(spec.description) == {"en", "ja"}
    with pytest.raises(InputError) as unknown:
        registry.get("tniy", TEMPLATES)
    assert unknown.value.hint == "did you mean tiny?"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("size: 32 MiB", "size: 32"), "a size is a number and a unit"),
        (("kind: disk", "kind: disc"), "kernel, boot-disk, disk"),
        (("label: notes", "lable: notes"), "unknown key lable"),
        (("filesystem: ext4", "filesystem: ntfs"), "one of ext2"),
        (("/README.txt:", "README.txt:"), "no absolute path"),
        (("label: notes\n", ""), "label is missing"),
        (("kind: disk", "kind: ["), "flow sequence"),
    ],
)
def test_wrong_recipes(tmp_path: Path, change: tuple[str, str], complaint: str) -> None:
    folder = tmp_path / "notes"
    shutil.copytree(notes().folder, folder)
    shutil.copy(notes().folder.parent / "parts.yaml", tmp_path)
    text = (folder / "image.yaml").read_text()
    assert change[0] in text
    (folder / "image.yaml").write_text(text.replace(*change))
    with pytest.raises(ImageError, match=complaint):
        _ = recipe.read("notes", folder).spec


def test_manifest_is_plain_json(tmp_path: Path) -> None:
    image, _ = make(tmp_path)
    path = image.files["disk"].parent / "manifest.json"
    assert json.loads(path.read_text()) == image.manifest
    assert set(image.manifest["files"]["disk"]) == {"size", "sha256"}
