"""The lab file and the lesson file as JSON Schema, for editors."""

from __future__ import annotations

from typing import Any

from provisioner.labfile import spec


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a lab file. Rules between values are not in it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "virtlab lab file",
        "description": "A lab of virtual machines. What a guest leaves out comes from lab and profile.",
        **spec.LAB.schema(),
    }


def lesson_schema() -> dict[str, Any]:
    """The JSON Schema of a lesson file."""
    from provisioner.labfile import lesson_spec

    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "virtlab lesson file",
        "description": "What a lab teaches: lesson.yaml beside lab.yaml.",
        **lesson_spec.LESSON.schema(),
    }
