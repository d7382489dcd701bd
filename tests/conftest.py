"""What all tests share."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

MOST_SIDE_BY_SIDE = 4
# Files whose tests take long, the longest first; --durations=1 tells how long each one took.
LONGEST = (
    "test_real_consolidation.py",
    "test_real_xen.py",
    "test_real_hosted.py",
    "test_real_bench.py",
    "test_real_lessons.py",
    "test_real_openvz.py",
    "test_real_kvm_lab.py",
    "test_real_turn.py",
    "test_real_interrupted.py",
    "test_real_demo.py",
    "test_real_guest_os.py",
    "test_real_hyperv.py",
    "test_real_isolation.py",
    "test_real_failure.py",
    "test_real_vmware.py",
    "test_real_guest.py",
    "test_real_inner.py",
    "test_real_converge.py",
    "test_real_hardware.py",
    "test_real_owners.py",
    "test_real_compare.py",
    "test_real_power.py",
    "test_real_files.py",
    "test_real_versions.py",
    "test_real_optional.py",
    "test_real_report.py",
    "test_image_tiny.py",
    # without guests
    "test_bootstrap.py",
    "test_bootstrap_host.py",
    "test_following.py",
    "test_lease.py",
    "test_up.py",
    "test_surroundings.py",
    "test_calls.py",
    "test_cli.py",
    "test_bad_guests.py",
    "test_qga.py",
    "test_console.py",
    "test_interrupted.py",
    "test_lab_properties.py",
    "test_course_browser.py",
    "test_report_browser.py",
)


# What the files share is in the conftest.py of their folder.
TOGETHER = {"test_bootstrap.py": "bootstrap", "test_bootstrap_host.py": "bootstrap"}


def pytest_configure(config: pytest.Config) -> None:
    # set by ./bootstrap pytest; what virtlab says to type must not depend on how its tests were started
    os.environ.pop("VIRTLAB_RUN_AS", None)
    # compiled modules are kept: each of some thousand virtlabs that tests start would compile its own anew
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
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


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many files of tests run side by side where all are run; a few that are named run here.

    The hosts tier is one after the other: it measures, and its systems need the cores.
    """
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.keyword
    if not whole or "hosts" in config.option.markexpr or config.option.collectonly:
        return 0
    cores = len(os.sched_getaffinity(0))
    # more than cores, because some tests do nothing but wait, and without guests many
    waiting = 2 if "not real" in config.option.markexpr else 1
    return min(cores, MOST_SIDE_BY_SIDE) + waiting if cores > 1 else 0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Where --durations asks how long tests took, tells it of their files, too."""
    if config.option.durations is None:
        return
    seconds: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[report.location[0]] += report.duration
    terminalreporter.section("slowest files")
    for file, taken in seconds.most_common(50):
        terminalreporter.write_line(f"{taken:.2f}s {file}")


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Files side by side, but for those that share what takes long to make: they are one for this."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            scope: str = super()._split_scope(nodeid)
            return TOGETHER.get(Path(scope).name, scope)

    return Scheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that take longest begin first, so that all cores have work until the end."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(autouse=True)
def every_command_is_one(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test has printed or raised, the commands in it are such as virtlab takes, names and all."""
    if "real" in request.keywords:
        yield
        return
    from provisioner import errors
    from provisioner.report.terminal import text

    told: set[str] = set()
    make, spell = errors.VirtlabError.__init__, text.spelled

    def made(error: errors.VirtlabError, message: str, *, hint: str | None = None) -> None:
        theirs = isinstance(error, errors.LabFileError)  # what stands in a lab file
        told.update(("" if theirs else message, hint or ""))
        make(error, message, hint=hint)

    def spelled(words: str) -> str:
        told.add(words)
        return spell(words)

    monkeypatch.setattr(errors.VirtlabError, "__init__", made)
    monkeypatch.setattr(text, "spelled", spelled)
    yield
    # guides are looked at as a whole, in tests/unit/test_printed.py
    if told := {words for words in told if "{virtlab}" in words and "```" not in words}:
        from tests import printed

        assert not [each for words in told for each in printed.problems(printed.in_text(words))]


@pytest.fixture
def regenerate(request: pytest.FixtureRequest) -> bool:
    """Whether expected texts are to be written rather than compared."""
    return bool(request.config.getoption("--regenerate"))
