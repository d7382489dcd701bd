"""A raw disk with a file system, made by mke2fs as an ordinary user."""

from __future__ import annotations

import uuid
from pathlib import Path

from provisioner.images import tools
from provisioner.images.recipe import DiskSpec

_UUID_NAMESPACE = uuid.UUID("b5c7f0a2-3d52-5d39-8f0e-6f5a3f1b7c11")
_TIME = 1_700_000_000  # every time stamp on the disk, so that the same recipe gives the same bytes


def write(path: Path, spec: DiskSpec, digest: str, workspace: Path) -> None:
    """Write the disk to ``path``; ``digest`` names its content, ``workspace`` is an empty folder.

    Everything on the disk belongs to root. Raises ImageError.
    """
    content = workspace / "content"
    content.mkdir()
    owned = []
    for file in spec.files:
        place = content / file.path[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.data)
        place.chmod(file.mode)
    for place in content.rglob("*"):
        owned.append("/" + str(place.relative_to(content)))
    identity = str(uuid.uuid5(_UUID_NAMESPACE, digest))
    times = {"E2FSPROGS_FAKE_TIME": str(_TIME), "SOURCE_DATE_EPOCH": str(_TIME)}
    with path.open("wb") as disk:
        disk.truncate(spec.size)
    tools.run(
        [
            "mke2fs", "-q", "-F", "-t", spec.filesystem, "-L", spec.label, "-U", identity,
            "-E", f"root_owner=0:0,hash_seed={identity},lazy_itable_init=0,lazy_journal_init=0",
            "-d", str(content), str(path),
        ],
        environment=times,
    )  # fmt: skip
    fields = {"uid": "0", "gid": "0", "atime": f"@{_TIME}", "ctime": f"@{_TIME}", "mtime": f"@{_TIME}"}
    orders = [f'sif "{name}" {field} {value}\n' for name in owned for field, value in fields.items()]
    tools.run(["debugfs", "-w", "-f", "-", str(path)], stdin="".join(orders).encode(), environment=times)
