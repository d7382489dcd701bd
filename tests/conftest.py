"""What all tests share."""

from __future__ import annotations

import signal

import hypothesis
import pytest


def pytest_configure(config: pytest.Config) -> None:
    # a job in the background of a script ignores these, and so would every process that a test starts
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # how long one example takes says more about the machine than about the code
    hypothesis.settings.register_profile("virtlab", deadline=None)
    hypothesis.settings.load_profile("virtlab")
    if config.getoption("--write-table") and config.getoption("--quick"):
        raise pytest.UsageError("--write-table writes what a whole run found, and --quick makes none")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regenerate", action="store_true", help="write the expected texts and goldens anew")
    # here, because pytest reads no options from the conftest.py of a folder that it was not told of
    hosts = parser.getgroup("hosts", "whole Debian systems (-m hosts), see docs/hosts.md")
    hosts.addoption("--suite", action="append", help="a suite of Debian's; may be repeated")
    hosts.addoption("--roots", metavar="DIR", help="where systems are kept; write --roots=DIR")
    hosts.addoption("--quick", action="store_true", help="root only, three labs, up, check and down")
    hosts.addoption("--write-table", action="store_true", help="write what was found into docs/hosts.md")


@pytest.fixture
def regenerate(request: pytest.FixtureRequest) -> bool:
    """Whether expected texts are to be written rather than compared."""
    return bool(request.config.getoption("--regenerate"))
