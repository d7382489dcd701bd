"""What the hosts tier found, as tables in docs/hosts.md: one section for each suite.

A run replaces the sections of the suites that it went through and leaves all else as it is.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

BEGIN = "<!-- results: written by ./bootstrap pytest -m hosts --write-table -->"
END = "<!-- end of results -->"
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "hosts.md"
FAILED = "**failed**"
VERSIONS = ("Debian", "Linux", "QEMU", "libvirt", "Python")
ORDER = ("bookworm", "trixie", "forky", "sid")  # any others follow, by name
_SECTION = re.compile(r"^### .*\((\w+)\)$", re.MULTILINE)


@dataclass
class Cell:
    """What one thing came to for one account. ``seconds`` is filled in when it is over."""

    told: str = ""
    seconds: float = 0.0


@dataclass
class Section:
    """One suite: what it is made of, and what was done there, in order."""

    suite: str
    release: str = "Debian"  # "Debian 13"
    versions: dict[str, str] = field(default_factory=dict)
    rows: dict[str, dict[str, Cell]] = field(default_factory=dict)  # by row, then by account

    @contextmanager
    def timed(self, row: str, account: str) -> Iterator[Cell]:
        """A cell to fill in; what raises is written down as failed."""
        cell = self.rows.setdefault(row, {})[account] = Cell()
        began = time.monotonic()
        try:
            yield cell
        except BaseException:
            cell.told = FAILED
            raise
        finally:
            cell.seconds = time.monotonic() - began

    def markdown(self, accounts: Sequence[tuple[str, str]], date: str, commit: str) -> str:
        """The section; ``accounts`` are those of the columns, each with its heading."""
        versions = ", ".join(f"{name} {self.versions[name]}" for name in VERSIONS if name in self.versions)
        lines = [
            f"### {self.release} ({self.suite})",
            "",
            f"{date}, commit {commit}: {versions}",
            "",
            "| " + "".join(f"| {heading} | s " for _, heading in accounts) + "|",
            f"|---{'|---|--:' * len(accounts)}|",
        ]
        for row, cells in self.rows.items():
            parts = [row]
            for account, _ in accounts:
                cell = cells.get(account)
                parts += [cell.told, f"{cell.seconds:.0f}"] if cell else ["", ""]
            lines.append(f"| {' | '.join(parts)} |")
        return "\n".join(lines) + "\n"


def replaced(document: str, sections: dict[str, str]) -> str:
    """The document with these sections, by suite, in the place of older ones of the same suites."""
    head, begin, rest = document.partition(BEGIN)
    old, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document has no part between {BEGIN} and {END}")
    titles = [*_SECTION.finditer(old)]
    bounds = [*(title.start() for title in titles), len(old)]
    kept = {title[1]: old[slice(*bounds[i : i + 2])] for i, title in enumerate(titles)}
    wanted = {**kept, **sections}
    order = sorted(wanted, key=lambda suite: (ORDER.index(suite) if suite in ORDER else len(ORDER), suite))
    body = "".join(f"{wanted[suite].strip()}\n\n" for suite in order)
    return f"{head}{BEGIN}\n\n{body}{END}{tail}"


def release(os_release: str, suite: str) -> str:
    """What a system calls itself, from its /etc/os-release: "Debian 13", "Debian testing"."""
    values = dict(line.partition("=")[::2] for line in os_release.splitlines() if "=" in line)
    name = values.get("NAME", "").strip('"').split()[:1] or ["Linux"]
    unnumbered = "unstable" if suite in ("sid", "unstable") else "testing"
    return f"{name[0]} {values.get('VERSION_ID', '').strip(chr(34)) or unnumbered}"


def version(said: str) -> str:
    """The first number with a dot in it that a program says when asked for its version."""
    found = re.search(r"\d+(?:\.\d+)+", said)
    if found is None:
        raise ValueError(f"there is no version in {said!r}")
    return found[0]
