"""A machine that only libvirt reaches: all of its answers are None or empty."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.host.local_host import HostProcess, KvmDevice, Machine, Storage
from provisioner.model.ranges import Taken

if TYPE_CHECKING:
    from provisioner.host.firewall import Firewall
    from provisioner.host.network_state import NetworkState


class UnknownHost:
    """A machine of which only libvirt knows something."""

    def kvm(self) -> KvmDevice | None:
        return None

    def nested_kvm(self) -> bool | None:
        return None

    def processor_flags(self) -> frozenset[str] | None:
        return None

    def routes(self) -> list[Taken] | None:
        return None

    def network_state(self) -> NetworkState | None:
        return None

    def firewall(self) -> Firewall | None:
        return None

    def bridge_ports(self, bridge: str) -> frozenset[str] | None:
        del bridge
        return None

    def own_ranges(self) -> list[IPv4Network] | None:
        return None

    def groups_of(self, uid: int) -> list[int] | None:
        del uid
        return None

    def group_id(self, name: str) -> int | None:
        del name
        return None

    def free_memory(self) -> int | None:
        return None

    def free_disk(self, path: str) -> int | None:
        del path
        return None

    def barred(self, path: str, uid: int, groups: Sequence[int]) -> str | None:
        del path, uid, groups
        return None

    def missing_programs(self, names: Sequence[str]) -> list[str]:
        del names
        return []

    def qemu_log(self, domain: str, *, session: bool) -> str | None:
        del domain, session
        return None

    def qemu_log_file(self, domain: str, *, session: bool) -> Path | None:
        del domain, session
        return None

    def machine(self) -> Machine | None:
        return None

    def qemu_processes(self, domains: Sequence[str]) -> dict[str, HostProcess]:
        del domains
        return {}

    def stopped_qemus(self, domains: Sequence[str]) -> dict[str, int]:
        del domains
        return {}

    def storage(self, path: str) -> Storage | None:
        del path
        return None
