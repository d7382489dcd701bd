"""Every folder that virtlab reads or writes."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _data(name: str) -> Path:
    inside = _PACKAGE / "_data" / name  # as installed from a wheel
    return inside if inside.is_dir() else _PACKAGE.parent / name


def templates_dir() -> Path:
    """Jinja templates, hardware profiles and image recipes."""
    return _data("templates")


def labs_dir() -> Path:
    """The labs that come with virtlab."""
    return _data("labs")


def products_file() -> Path:
    """The article's products beside each other."""
    return labs_dir() / "products.yaml"


def cache_dir() -> Path:
    """The folder of built images. Everything in it can be made again."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("virtlab"))


def state_dir() -> Path:
    """The folder of a learner's progress and results. Nothing that runs depends on it."""
    import platformdirs

    return Path(platformdirs.user_state_dir("virtlab"))


def config_file() -> Path:
    """The user's settings: a TOML file, which need not exist."""
    import platformdirs

    return Path(platformdirs.user_config_dir("virtlab")) / "config.toml"


def session_pool_dir() -> Path:
    """The folder of volumes on the session connection, beside those that libvirt's own tools make."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "libvirt" / "images" / "virtlab"


def libvirt_run_dir() -> Path:
    """The folder of the socket and the process id of the user's own libvirt daemon."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if not runtime:
        runtime = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    return Path(runtime) / "libvirt"


SYSTEM_POOL_DIR = Path("/var/lib/libvirt/images/virtlab")
