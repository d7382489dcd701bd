"""A small clone that ``./bootstrap`` can work in without a network, and how tests run something there.

The clone holds the script and a project of three files whose build backend lies in the tree, so that
pip really makes an editable install in a few seconds. The folder's name has a space and a quote.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
NOBODY = 65534

PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""

BACKEND = """\
import zipfile
from pathlib import Path

INFO = "virtlab-0.dist-info"
METADATA = "Metadata-Version: 2.1\\nName: virtlab\\nVersion: 0\\nProvides-Extra: dev\\n"


def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "virtlab-0-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder, name), "w") as wheel:
        wheel.writestr("virtlab.pth", str(Path.cwd()))
        wheel.writestr(f"{INFO}/METADATA", METADATA)
        wheel.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{INFO}/entry_points.txt", "[console_scripts]\\nvirtlab = provisioner:main\\n")
        wheel.writestr(f"{INFO}/RECORD", "")
    return name
"""

PACKAGE = """\
import os
import sys


def main():
    print(os.environ["VIRTLAB_RUN_AS"])
    print(sys.argv[1:])
"""


def environment(**changes: str) -> dict[str, str]:
    gone = ("VIRTLAB_", "PIP_", "XDG_", "LIBVIRT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(gone)}
    return kept | {"PIP_NO_INDEX": "1"} | changes


def run(
    *command: str | Path, cwd: Path, user: int | None = None, **changes: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=environment(**changes),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )


def change_dependencies(clone: Path) -> None:
    """As after a `git pull`: the environment no longer fits the project."""
    with (clone / "pyproject.toml").open("a") as project:
        project.write("# changed\n")
