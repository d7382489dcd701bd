"""What all tests share."""

from __future__ import annotations

import signal

import hypothesis
import pytest


def pytest_configure() -> None:
    # a job in the background of a script ignores these, and so would every process that a test starts
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # how long one example takes says more about the machine than about the code
    hypothesis.settings.register_profile("virtlab", deadline=None)
    hypothesis.settings.load_profile("virtlab")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regenerate", action="store_true", help="write the expected texts and goldens anew")


@pytest.fixture
def regenerate(request: pytest.FixtureRequest) -> bool:
    """Whether expected texts are to be written rather than compared."""
    return bool(request.config.getoption("--regenerate"))
