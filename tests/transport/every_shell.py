"""Tests that wait run in all shells of guests side by side, and so take no longer than in one of them."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from host_agent import HostAgent, shell_folder

from provisioner.transport.channel import FAST, SLOW
from provisioner.transport.executor import AgentTransport

SHELLS = ("dash", "bash", "busybox")
TUNINGS = {"fast": FAST, "slow": SLOW}
Test = Callable[..., None]


def in_every_shell(*lines: str) -> Callable[[Test], Test]:
    """Runs a test for each shell, and in it for each of these lines to the guest: "fast", "slow".

    It may ask for ``path``, a search path that leads to the shell; for ``room``, which stands in for the
    guest's /tmp; for ``guest``, the guest with both; for ``tmp_path``; and for fixtures, which all of them
    share. Where it fails, all failures are told, and each says where it was.
    """

    def decorated(test: Test) -> Test:
        wanted = inspect.signature(test).parameters
        own = {"path", "room", "guest", "tmp_path"}

        def everywhere(tmp_path: Path, **fixtures: Any) -> None:
            here = [shell for shell in SHELLS if shutil.which(shell)]

            def one(name: str, shell: str, line: str) -> None:
                (folder := tmp_path / name).mkdir()
                (room := folder / "tmp").mkdir()
                path = shell_folder(folder / "shell", shell)
                agent = HostAgent(TUNINGS[line], path, str(room))
                offered = {"path": path, "room": room, "guest": AgentTransport(agent), "tmp_path": folder}
                try:
                    test(**fixtures, **{key: value for key, value in offered.items() if key in wanted})
                except BaseException as error:
                    error.add_note(f"in {name}")
                    raise
                finally:
                    agent.close()

            with ThreadPoolExecutor(len(here) * len(lines)) as crew:
                begun = [crew.submit(one, f"{line}-{sh}", sh, line) for sh in here for line in lines]
            failures = [error for each in begun if (error := each.exception())]
            if failures:
                raise BaseExceptionGroup(test.__name__, failures)
            if missing := set(SHELLS) - set(here):
                pytest.skip(f"{', '.join(missing)}: not here; passed in {', '.join(here)}")

        everywhere.__name__, everywhere.__doc__ = test.__name__, test.__doc__
        everywhere.__module__ = test.__module__
        own_path = inspect.Parameter("tmp_path", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        others = [parameter for name, parameter in wanted.items() if name not in own]
        everywhere.__signature__ = inspect.Signature([own_path, *others])  # type: ignore[attr-defined]
        return everywhere

    return decorated
