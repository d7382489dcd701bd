"""The hosts tier: whole Debian systems, each made in a folder, in which virtlab is set up and used.

`./bootstrap pytest -m hosts` runs it, and nothing else does: it takes long, and it downloads. Its options
are in tests/conftest.py; docs/hosts.md tells more.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import debian_host
import debian_roots
import hosts_table
import pytest
from debian_host import Host
from machine import LEARNER, ROOT, Account

from provisioner import paths
from provisioner.labfile import catalog

QUICK_LABS = ("demo-paravirt", "demo-hosted", "demo-xen")
ACCOUNTS = {account.name: account for account in (ROOT, LEARNER)}
SECTIONS = pytest.StashKey[list[hosts_table.Section]]()


@pytest.hookimpl(trylast=True)  # after pytest's own order, which comes back to a suite that it has left
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The tier runs only where its marker is asked for, as -m "not real" does not; and suite by suite."""
    tier = [item for item in items if item.get_closest_marker("hosts")]
    items[:] = [item for item in items if item not in tier]
    if "hosts" in config.option.markexpr:
        suites, accounts = _suites(config), list(ACCOUNTS)

        def turn(item: pytest.Item) -> tuple[int, int]:
            given = cast(pytest.Function, item).callspec.params
            return suites.index(given["host"]), accounts.index(given.get("account", ROOT.name))

        items += sorted(tier, key=turn)
    else:
        config.hook.pytest_deselected(items=tier)


def _suites(config: pytest.Config) -> list[str]:
    return list(dict.fromkeys(config.getoption("--suite") or debian_roots.SUITES))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each suite, in it each account, and for each account the labs."""
    quick = metafunc.config.getoption("--quick")
    if "host" in metafunc.fixturenames:
        metafunc.parametrize("host", _suites(metafunc.config), indirect=True, scope="session")
    if "account" in metafunc.fixturenames:
        names = [ROOT.name] if quick else list(ACCOUNTS)
        metafunc.parametrize("account", names, indirect=True, scope="session")
    if "lab" in metafunc.fixturenames:
        metafunc.parametrize("lab", QUICK_LABS if quick else catalog.names(paths.labs_dir()))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Writes the tables, where that is asked for and nobody interrupted the run."""
    found = session.config.stash.get(SECTIONS, [])
    if session.config.getoption("--write-table") and exitstatus in (0, 1) and found:
        today, columns = (
            datetime.now(tz=UTC).date().isoformat(),
            [(a.name, a.told) for a in ACCOUNTS.values()],
        )
        written = {s.suite: s.markdown(columns, today, debian_host.commit()) for s in found}
        document = hosts_table.DOCUMENT
        document.write_text(hosts_table.replaced(document.read_text(), written))


@pytest.fixture(scope="session")
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    """The system of one suite: made, virtlab set up in it by each account, images built."""
    obstacle = debian_roots.obstacle()
    if obstacle:
        pytest.skip(obstacle)
    folder = Path(request.config.getoption("--roots") or debian_roots.default_folder())
    section = hosts_table.Section(request.param)
    request.config.stash.setdefault(SECTIONS, []).append(section)
    accounts = [ROOT] if request.config.getoption("--quick") else list(ACCOUNTS.values())
    with debian_host.running(debian_roots.SuiteRoot(folder, request.param), section, accounts) as found:
        yield found


@pytest.fixture(scope="session")
def account(request: pytest.FixtureRequest) -> Account:
    """Who uses the system: root, or an ordinary user."""
    return ACCOUNTS[request.param]
