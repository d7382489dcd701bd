"""Real tiny guests, one for each kind of agent line."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from provisioner import paths
from provisioner.transport.channel import AgentChannel
from provisioner.transport.console_log import ConsoleLog
from provisioner.transport.readiness import Ready, wait_ready

BOOT_SECONDS = 60.0
_ARGUMENTS = "console=ttyS0,115200 quiet nokaslr mitigations=off cryptomgr.notests no_timer_check panic=-1"
_PORTS = {
    "serial": '<serial type="pty"><target type="isa-serial" port="1"/></serial>',
    "virtio": '<channel type="unix"><target type="virtio" name="org.qemu.guest_agent.0"/></channel>',
}


@dataclass
class Booted:
    """A running guest; ``log`` holds its console from the first byte on."""

    domain: Any
    channel: AgentChannel
    log: ConsoleLog
    ready: Ready
    agent: str


class Lab:
    """Starts guests on the system connection; they end with it."""

    def __init__(self, folder: Path) -> None:
        from provisioner.hypervisor import connection, events, uris

        events.ensure_running()
        self.conn = connection.connect(uris.Choice(uris.SYSTEM, "tests"))
        self.folder = folder

    @contextlib.contextmanager
    def paused(self, agent: str) -> Iterator[Any]:
        import libvirt

        from provisioner.hypervisor.domain import Domain

        xml = f"""
            <domain type="qemu"><name>virtlab-test-{agent}-{uuid.uuid4().hex[:8]}</name>
            <memory unit="MiB">192</memory><vcpu>1</vcpu>
            <os><type arch="x86_64" machine="pc">hvm</type>
            <kernel>{self.folder}/kernel</kernel><initrd>{self.folder}/initrd</initrd>
            <cmdline>{_ARGUMENTS} virtlab.hostname=tested virtlab.agent={agent}</cmdline></os>
            <features><acpi/><apic/></features><on_reboot>destroy</on_reboot>
            <devices><controller type="usb" model="none"/><memballoon model="none"/>
            <serial type="pty"><target type="isa-serial" port="0"/></serial>
            {_PORTS[agent]}</devices></domain>"""
        flags = libvirt.VIR_DOMAIN_START_PAUSED | libvirt.VIR_DOMAIN_START_AUTODESTROY
        domain = Domain(self.conn.handle.createXML(xml, flags))
        try:
            yield domain
        finally:
            domain.destroy()

    def channel(self, domain: Any, agent: str) -> AgentChannel:
        from provisioner.hypervisor.agent import SerialChannel, VirtioChannel

        label = f"test/{agent}"
        return SerialChannel(domain, label) if agent == "serial" else VirtioChannel(domain, label)

    @contextlib.contextmanager
    def booted(self, agent: str) -> Iterator[Booted]:
        from provisioner.hypervisor import events, streams

        with self.paused(agent) as domain:
            log = ConsoleLog()
            channel = self.channel(domain, agent)
            console = streams.open_console(
                domain, "serial0", label="test", on_data=log.feed, on_end=log.close
            )
            with console, events.DomainWatch(domain) as watch:
                domain.resume()
                ready = wait_ready(channel, watch, BOOT_SECONDS, log)
            yield Booted(domain, channel, log, ready, agent)


@pytest.fixture(scope="session")
def real_lab() -> Iterator[Lab]:
    from provisioner.images import build, registry

    image = build.build(
        registry.get("tiny", paths.templates_dir()), paths.cache_dir(), progress=lambda step, fraction: None
    )
    folder = Path(tempfile.mkdtemp(prefix="virtlab-test-", dir="/var/tmp"))
    try:
        folder.chmod(0o755)  # QEMU runs as a user of its own
        for role, source in image.files.items():
            shutil.copy(source, folder / role)
            (folder / role).chmod(0o644)
        yield Lab(folder)
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module", params=["serial", "virtio"])
def guest(request: pytest.FixtureRequest, real_lab: Lab) -> Iterator[Booted]:
    with real_lab.booted(request.param) as booted:
        yield booted
