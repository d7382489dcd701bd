"""Every key of a lesson file. This is the one place that says what may be written there."""

from __future__ import annotations

from provisioner.labfile import spec
from provisioner.labfile.expectations import FactName
from provisioner.labfile.value_types import Flag, Key, Line, Many, Record, TextOrRecord, Whole

FORMAT = 1
MAX_EXERCISES = 20

_COMMANDS = Many(Line(1000), 32, "commands")


def _text(most: int, *, long: bool = True) -> TextOrRecord:
    line = Line(most, long=long)
    return TextOrRecord(
        line,
        Record(
            (
                Key("en", line, "The text in English", required=True),
                Key("ja", line, "The text in Japanese"),
            )
        ),
    )


NOTE = Record(
    (
        Key(
            "at",
            Line(200),
            "Where in the domain XML: elements with slashes between them, then @ and an attribute, such as "
            "devices/disk/target@bus; with =VALUE at the end only where a guest has that value there",
            required=True,
        ),
        Key("text", _text(1000), "What it means where it differs", required=True),
    )
)
NOTES = Many(NOTE, 200, "notes")

LITERATURE = Record(
    (
        Key("text", _text(1000), "What others found", required=True),
        Key("source", Line(400), "Where it was published", required=True),
    )
)

ANSWER = Record(
    (
        Key("guest", spec.NAME, "The guest that knows the answer", required=True),
        Key("fact", FactName(), "The fact that is asked for; each of its values is right", required=True),
        Key("starts", Line(100), "Only values that start with this count", "all do"),
        Key("count", Flag(), "Whether it is asked how many values there are", "false"),
    )
)

SOLUTION = Record(
    (
        Key("text", _text(4000), "The solution in words", required=True),
        Key("commands", _COMMANDS, "What to type; the check passes after it", "none"),
        Key("undo", _COMMANDS, "What to type, after the check, to have the lab as it was", "none"),
    )
)

EXERCISE = Record(
    (
        Key("name", spec.NAME, "Name of the exercise, by which progress is kept", required=True),
        Key("title", spec.TITLE, "Its title", required=True),
        Key("task", _text(4000), "What to do", required=True),
        Key("hints", Many(_text(1000), 10, "hints"), "Hints, told one at a time", "none"),
        Key("answer", ANSWER, "What to find out; the guest itself knows it", "none"),
        Key("check", spec.OBSERVATIONS, "What must be seen: the same as observe in a lab file", "none"),
        Key("solution", SOLUTION, "The solution", required=True),
    )
)

LESSON = Record(
    (
        Key("virtlab-lesson", Whole(FORMAT, FORMAT), "Version of this file format", required=True),
        Key(
            "name", spec.NAME, "Name of the lesson, by which progress is kept; copies keep it", required=True
        ),
        Key("concept", _text(2000), "What the lesson is about: what the thing is and is not", required=True),
        Key("notes", NOTES, "What differences in the domain XML mean", "none"),
        Key("literature", Many(LITERATURE, 50, "entries"), "What others found, with its source", "none"),
        Key(
            "exercises",
            Many(EXERCISE, MAX_EXERCISES, "exercises"),
            f"The exercises in their order, up to {MAX_EXERCISES}",
            "none",
        ),
    )
)
