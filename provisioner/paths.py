"""Every folder that virtlab reads or writes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from provisioner import errors
from provisioner.language import msg

SET_HOME = msg("set HOME to a folder of yours")
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


def bootstrap() -> Path | None:
    """The ``bootstrap`` of the clone that this is, or None where virtlab is installed."""
    file = _PACKAGE.parent / "bootstrap"
    return file.resolve() if file.is_file() else None


def products_file() -> Path:
    """The article's products beside each other."""
    return labs_dir() / "products.yaml"


def has_home() -> bool:
    """Whether this user has a home folder, by HOME or by an account."""
    return os.path.expanduser("~") != "~"  # noqa: PTH111


def _of_user(find: Callable[[], str]) -> Path:
    """A folder of the user's. Raises VirtlabError where it lies in a home folder that nobody knows: it would
    be made wherever the command was typed."""
    try:
        path = find()
    except RuntimeError:  # of newer platformdirs; older ones give what expanduser gives
        path = "~"
    if path.startswith("~"):
        raise errors.VirtlabError(
            msg("there is no home folder: HOME is not set, and this user id has no account"), hint=SET_HOME
        )
    return Path(path)


def cache_dir() -> Path:
    """The folder of built images. Everything in it can be made again.

    Raises VirtlabError, as all of these do, where the user has no home folder.
    """
    import platformdirs

    return _of_user(lambda: platformdirs.user_cache_dir("virtlab"))


def state_dir() -> Path:
    """The folder of a learner's progress and results. Nothing that runs depends on it."""
    import platformdirs

    return _of_user(lambda: platformdirs.user_state_dir("virtlab"))


def home() -> Path:
    """The user's home folder."""
    return _of_user(lambda: os.path.expanduser("~"))  # noqa: PTH111


def data_dir() -> Path:
    """The folder of files that the user's other programs read, such as shells."""
    import platformdirs

    return _of_user(lambda: platformdirs.user_data_dir("virtlab"))


def config_dir() -> Path:
    """The folder in which each program has a folder of its settings."""
    import platformdirs

    return _of_user(lambda: platformdirs.user_config_dir())


def config_file() -> Path:
    """The user's settings: a TOML file, which need not exist."""
    import platformdirs

    return _of_user(lambda: platformdirs.user_config_dir("virtlab")) / "config.toml"


def session_pool_dir() -> Path:
    """The folder of volumes on the session connection, beside those that libvirt's own tools make."""
    base = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")  # noqa: PTH111
    return _of_user(lambda: base) / "libvirt" / "images" / "virtlab"


def libvirt_config_dir() -> Path:
    """The folder of what the user's own libvirt daemon keeps."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111
    return _of_user(lambda: base) / "libvirt"


def libvirt_run_dir() -> Path:
    """The folder of the socket and the process id of the user's own libvirt daemon."""
    base = os.environ.get("XDG_RUNTIME_DIR") or os.environ.get("XDG_CACHE_HOME")
    return _of_user(lambda: base or os.path.expanduser("~/.cache")) / "libvirt"  # noqa: PTH111


SYSTEM_POOL_DIR = Path("/var/lib/libvirt/images/virtlab")
