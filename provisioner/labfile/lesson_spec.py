"""Every key of a lesson file. This is the one place that says what may be written there."""

from __future__ import annotations

from provisioner.labfile.common_values import NAME, TITLE, text
from provisioner.labfile.expectations import FactName
from provisioner.labfile.observation_spec import OBSERVATIONS
from provisioner.labfile.value_groups import Key, Many, Record
from provisioner.labfile.value_types import Flag, Line, Whole
from provisioner.language import msg

FORMAT = 1
MAX_EXERCISES = 20

_COMMANDS = Many(Line(1000), 32, msg("commands"))


NOTE = Record(
    (
        Key(
            "at",
            Line(200),
            msg(
                "Where in the domain XML: elements with slashes between them, then @ and an "
                "attribute, such as devices/disk/target@bus; with =VALUE at the end only where a "
                "guest has that value there"
            ),
            required=True,
        ),
        Key("text", text(1000, long=True), msg("What it means where it differs"), required=True),
    )
)
NOTES = Many(NOTE, 200, msg("notes"))

LITERATURE = Record(
    (
        Key("text", text(1000, long=True), msg("What others found"), required=True),
        Key("source", Line(400), msg("Where it was published"), required=True),
    )
)

ANSWER = Record(
    (
        Key("guest", NAME, msg("The guest that knows the answer"), required=True),
        Key(
            "fact", FactName(), msg("The fact that is asked for; each of its values is right"), required=True
        ),
        Key("starts", Line(100), msg("Only values that start with this count"), msg("all do")),
        Key("count", Flag(), msg("Whether the number of values is the answer"), "false"),
    )
)

SOLUTION = Record(
    (
        Key("text", text(4000, long=True), msg("The solution in words"), required=True),
        Key("commands", _COMMANDS, msg("What to type; the check passes after it"), "none"),
        Key("undo", _COMMANDS, msg("What to type, after the check, to have everything as it was"), "none"),
    )
)

EXERCISE = Record(
    (
        Key("name", NAME, msg("Name of the exercise, by which progress is kept"), required=True),
        Key("title", TITLE, msg("Its title"), required=True),
        Key("task", text(4000, long=True), msg("What to do"), required=True),
        Key(
            "hints",
            Many(text(1000, long=True), 10, msg("hints")),
            msg("Hints, told one at a time"),
            msg("none"),
        ),
        Key("answer", ANSWER, msg("What to find out; the guest itself knows it"), "none"),
        Key("check", OBSERVATIONS, msg("What must be seen: the same as observe in a lab file"), "none"),
        Key("solution", SOLUTION, msg("The solution"), required=True),
    )
)

LESSON = Record(
    (
        Key("virtlab-lesson", Whole(FORMAT, FORMAT), msg("Version of this file format"), required=True),
        Key(
            "name", NAME, msg("Name of the lesson, by which progress is kept; copies keep it"), required=True
        ),
        Key(
            "concept",
            text(2000, long=True),
            msg("What the lesson is about: what the thing is and is not"),
            required=True,
        ),
        Key("notes", NOTES, msg("What differences in the domain XML mean"), "none"),
        Key(
            "literature",
            Many(LITERATURE, 50, "entries"),
            msg("What others found, with its source"),
            msg("none"),
        ),
        Key(
            "exercises",
            Many(EXERCISE, MAX_EXERCISES, msg("exercises")),
            msg("The exercises in their order, up to {max_exercises}", max_exercises=MAX_EXERCISES),
            "none",
        ),
    )
)
