"""What the user has set, in a TOML file that need not exist: ``paths.config_file``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provisioner import errors, paths
from provisioner.language import msg

if TYPE_CHECKING:
    from ipaddress import IPv4Network
    from pathlib import Path

_SMALLEST = 24  # the prefix of a network's range


@dataclass(frozen=True, slots=True)
class Settings:
    """``connect``: the libvirt URI to use. ``ranges``: where the addresses of labs' networks come from."""

    connect: str | None = None
    ranges: tuple[IPv4Network, ...] = ()


def load() -> Settings:
    """The settings. Raises InputError where the file can't be read or says something else."""
    # platformdirs and tomllib cost more than most verbs' other work: only where there is a file to read
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111
    if not os.path.exists(os.path.join(folder, "virtlab", "config.toml")):  # noqa: PTH110, PTH118
        return Settings()
    import tomllib

    file = paths.config_file()
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _wrong(file, str(error), msg("mend or remove {file}", file=file)) from error
    if unknown := sorted(set(found) - {"connect", "ranges"}):
        names = ", ".join(map(repr, unknown))
        raise _wrong(file, msg("unknown setting {names} (there are connect and ranges)", names=names))
    connect = found.get("connect")
    if connect is not None and not isinstance(connect, str):
        raise _wrong(file, msg("connect must be a libvirt URI in quotes"))
    return Settings(connect, tuple(_range(file, value) for value in _listed(file, found.get("ranges", []))))


def _listed(file: Path, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(file, msg('ranges must be a list, such as ["10.77.0.0/16"]'))
    return value


def _range(file: Path, value: Any) -> IPv4Network:
    from ipaddress import IPv4Network

    try:
        network = IPv4Network(value if isinstance(value, str) else repr(value))
    except ValueError as error:
        raise _wrong(file, msg('ranges: {error} (write it as "10.77.0.0/16")', error=error)) from error
    if network.prefixlen > _SMALLEST:
        raise _wrong(
            file,
            msg(
                "ranges: {network} is too small: a network of a lab takes a /{smallest}",
                network=network,
                smallest=_SMALLEST,
            ),
        )
    special = (network.is_loopback, network.is_multicast, network.is_link_local, network.is_reserved)
    if any(special) or network.network_address.is_unspecified:
        raise _wrong(file, msg("ranges: {network} has no addresses that guests can use", network=network))
    return network


def _wrong(file: Path, what: str, hint: str | None = None) -> errors.InputError:
    return errors.InputError(
        msg("{file}: {what}", file=file, what=what), hint=hint or msg("mend {file}", file=file)
    )
