"""Puts the compiled catalogues of messages into the wheel: where it is installed, nothing compiles them."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

from babel.messages import mofile, pofile
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CatalogueHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":  # a clone compiles its own, see provisioner/translation.py
            return
        self._folder = tempfile.TemporaryDirectory()
        root = Path(self.root)
        for source in sorted(root.glob("provisioner/locale/*/LC_MESSAGES/*.po")):
            with source.open("rb") as text:
                mofile.write_mo(made := io.BytesIO(), pofile.read_po(text))
            language = source.parents[1].name
            compiled = Path(self._folder.name) / f"{language}.mo"
            compiled.write_bytes(made.getvalue())
            build_data["force_include"][str(compiled)] = str(source.relative_to(root).with_suffix(".mo"))

    def finalize(self, version: str, _build_data: dict[str, Any], _artifact_path: str) -> None:
        if version != "editable":
            self._folder.cleanup()
