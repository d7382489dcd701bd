"""What the tests of pages share: a browser, where there is one."""

from __future__ import annotations

from collections.abc import Iterator

import chromium
import pytest


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[chromium.Browser]:
    program = chromium.program()
    if program is None:
        pytest.skip("no Chromium here to look at the page with (apt-get install chromium)")
    found = chromium.Browser(program, tmp_path_factory.mktemp("profile"))
    yield found
    found.close()
