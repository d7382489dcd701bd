"""Who may import whom. docs/architecture.md tells what each room is for."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "provisioner"
# From the bottom up: a room imports from those before it, and from itself.
ROOMS = (
    *("atomic", "translation", "language"),
    *("units", "errors", "paths", "settings", "listener", "cancellation"),
    *("side_by_side", "sanitize"),
    *("model", "labfile", "render", "store"),
    *("host", "images", "transport", "hypervisor"),
    "backends",
    *("lifecycle", "observe", "measure", "teach"),
    *("verbs", "report", "cli", "__main__"),
)
PURE = ("units", "errors", "language", "sanitize", "model", "labfile", "render")
ACTING = {"ctypes", "select", "signal", "socket", "subprocess", "threading", "time"}
MODULES = {
    ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): file
    for file in sorted(PACKAGE.rglob("*.py"))
}


def imported(file: Path) -> Iterator[str]:
    """The modules that a file imports, dotted; of virtlab's own without the package's name."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: a relative import"
            package, _, module = f"{node.module}.".partition(".")
            if package != "provisioner":
                yield str(node.module)
                continue
            for alias in node.names:
                name = f"{module}{alias.name}"
                yield name if name in MODULES else module.removesuffix(".")


IMPORTS = {module: set(imported(file)) for module, file in MODULES.items()}


def room(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("importer", sorted(module for module in MODULES if room(module) in ROOMS))
def test_no_arrow_runs_back_up(importer: str) -> None:
    own = ROOMS.index(room(importer))
    upward = {t for t in IMPORTS[importer] & set(MODULES) if t and ROOMS.index(room(t)) > own}
    assert not upward


def test_every_module_is_in_a_room() -> None:
    assert {room(module) for module in MODULES} - {*ROOMS, "__init__", ""} == set()


def test_there_is_no_circle() -> None:
    waiting = {module: imports & set(MODULES) - {module} for module, imports in IMPORTS.items()}
    while free := {module for module, imports in waiting.items() if not imports & set(waiting)}:
        waiting = {module: imports for module, imports in waiting.items() if module not in free}
    assert not waiting


@pytest.mark.parametrize("module", sorted(module for module in MODULES if room(module) in PURE))
def test_what_decides_touches_nothing(module: str) -> None:
    assert not IMPORTS[module] & ACTING


@pytest.mark.parametrize("module", sorted(module for module in MODULES if room(module) == "cli"))
def test_the_command_line_calls_verbs_and_shows_what_they_return(module: str) -> None:
    known = {room(imported) for imported in IMPORTS[module] & set(MODULES)}
    assert known <= {"cli", "cancellation", "errors", "report", "verbs"}


@pytest.mark.parametrize("module", sorted(module for module in MODULES if room(module) == "report"))
def test_pages_show_results_and_reach_nothing(module: str) -> None:
    acting = {"backends", "host", "hypervisor", "transport"}
    assert not acting & {room(imported) for imported in IMPORTS[module] & set(MODULES)}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_nobody_waits_by_a_clock_that_can_jump(module: str) -> None:
    """Waits are measured by ``time.monotonic``; the time of day stands in results, and nothing else."""
    nodes = ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8")))
    read = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
    assert not read & {"time.time", "time.time_ns", "time.localtime", "datetime.utcnow", "date.today"}


def test_only_one_room_imports_libvirt() -> None:
    rooms = defaultdict(set)
    for module, imports in IMPORTS.items():
        for name in imports:
            rooms[name.partition(".")[0]].add(room(module))
    assert rooms["libvirt"] | rooms["libvirt_qemu"] | rooms["libvirtmod"] == {"hypervisor"}


def test_no_object_of_libvirts_leaves_its_room() -> None:
    """Ours keep it as ``handle``; and no Any hides that one was handed on."""
    for module, file in MODULES.items():
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        if room(module) == "hypervisor":
            assert "Any" not in {node.id for node in nodes if isinstance(node, ast.Name)}, module
        else:
            assert "handle" not in {node.attr for node in nodes if isinstance(node, ast.Attribute)}, module


def test_no_two_modules_have_the_same_name() -> None:
    names = Counter(module.rpartition(".")[2] for module in MODULES)
    assert [name for name, count in names.items() if count > 1] == []
