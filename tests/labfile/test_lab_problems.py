"""Each bad lab beside the exact text that it gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner.errors import LabFileError
from provisioner.model.lab import Lab

CORPUS = sorted((Path(__file__).parent / "bad").glob("*.yaml"))


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.stem)
def test_bad_lab_gives_exactly_this(
    file: Path, regenerate: bool, load_file: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    with pytest.raises(LabFileError) as caught:
        load_file(Path(file.name))
    text = "".join(f"{line}\n" for line in caught.value.problems)
    expected = file.with_suffix(".txt")
    if regenerate:
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
    assert caught.value.hint


def test_every_expected_text_has_its_lab() -> None:
    assert {file.stem for file in (Path(__file__).parent / "bad").glob("*.txt")} == {
        file.stem for file in CORPUS
    }
