"""Who may import whom. docs/architecture.md tells what each room is for."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

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


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imported(module: str) -> Iterator[str]:
    """The modules that a module imports, dotted; of virtlab's own without the package's name."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: a relative import"
            package, _, theirs = f"{node.module}.".partition(".")
            if package != "provisioner":
                yield str(node.module)
                continue
            for alias in node.names:
                name = f"{theirs}{alias.name}"
                yield name if name in MODULES else theirs.removesuffix(".")


@cache
def imports() -> dict[str, set[str]]:
    return {module: set(imported(module)) for module in MODULES}


def room(module: str) -> str:
    return module.partition(".")[0]


def of_rooms(*rooms: str) -> dict[str, set[str]]:
    """What each module of these rooms imports."""
    return {module: found for module, found in imports().items() if room(module) in rooms}


def wrong(found: dict[str, set[str]]) -> dict[str, set[str]]:
    """The modules that have something there that they should not have."""
    return {module: names for module, names in found.items() if names}


def test_no_arrow_runs_back_up() -> None:
    def upward(module: str, names: set[str]) -> set[str]:
        own = ROOMS.index(room(module))
        return {name for name in names & set(MODULES) if name and ROOMS.index(room(name)) > own}

    assert wrong({module: upward(module, names) for module, names in of_rooms(*ROOMS).items()}) == {}


def test_every_module_is_in_a_room() -> None:
    assert {room(module) for module in MODULES} - {*ROOMS, "__init__", ""} == set()


def test_there_is_no_circle() -> None:
    waiting = {module: names & set(MODULES) - {module} for module, names in imports().items()}
    while free := {module for module, names in waiting.items() if not names & set(waiting)}:
        waiting = {module: names for module, names in waiting.items() if module not in free}
    assert not waiting


def test_what_decides_touches_nothing() -> None:
    assert wrong({module: names & ACTING for module, names in of_rooms(*PURE).items()}) == {}


def test_the_command_line_calls_verbs_and_shows_what_they_return() -> None:
    known = {"cli", "cancellation", "errors", "language", "report", "verbs"}
    rooms = {module: set(map(room, names & set(MODULES))) for module, names in of_rooms("cli").items()}
    assert wrong({module: names - known for module, names in rooms.items()}) == {}


def test_pages_show_results_and_reach_nothing() -> None:
    acting = {"backends", "host", "hypervisor", "transport"}
    rooms = {module: set(map(room, names & set(MODULES))) for module, names in of_rooms("report").items()}
    assert wrong({module: names & acting for module, names in rooms.items()}) == {}


def test_nobody_waits_by_a_clock_that_can_jump() -> None:
    """Waits are measured by ``time.monotonic``; the time of day stands in results, and nothing else."""
    clocks = {"time.time", "time.time_ns", "time.localtime", "datetime.utcnow", "date.today"}
    calls = {
        module: {ast.unparse(node.func) for node in ast.walk(tree(module)) if isinstance(node, ast.Call)}
        for module in MODULES
    }
    assert wrong({module: names & clocks for module, names in calls.items()}) == {}


def test_only_one_room_imports_libvirt() -> None:
    rooms = defaultdict(set)
    for module, names in imports().items():
        for name in names:
            rooms[name.partition(".")[0]].add(room(module))
    assert rooms["libvirt"] | rooms["libvirt_qemu"] | rooms["libvirtmod"] == {"hypervisor"}


def test_no_object_of_libvirts_leaves_its_room() -> None:
    """Ours keep it as ``handle``; and no Any hides that one was handed on."""
    for module in MODULES:
        nodes = list(ast.walk(tree(module)))
        if room(module) == "hypervisor":
            assert "Any" not in {node.id for node in nodes if isinstance(node, ast.Name)}, module
        else:
            assert "handle" not in {node.attr for node in nodes if isinstance(node, ast.Attribute)}, module


def test_no_two_modules_have_the_same_name() -> None:
    names = Counter(module.rpartition(".")[2] for module in MODULES)
    assert [name for name, count in names.items() if count > 1] == []
