"""Every key of an observation: what a lab file, or an exercise of a lesson, wants to be seen in guests."""

from __future__ import annotations

from provisioner.labfile.common_values import DESCRIPTION, NAME, TITLE
from provisioner.labfile.expectations import FactName, Values
from provisioner.labfile.value_groups import Key, Many, Names, Record
from provisioner.labfile.value_types import Line, Whole, Word
from provisioner.language import msg

_SEEN = Values(200, 32)
EXPECTATION = Record(
    (
        Key(
            "is",
            _SEEN,
            msg("Exactly this value, or these in any order; with none or [], nothing may be there"),
        ),
        Key("has", _SEEN, msg("This value, or all of these, among others"), also=("contains", "includes")),
        Key("lacks", _SEEN, msg("Not this value, or none of these"), also=("not", "has-not", "excludes")),
        Key(
            "at-least",
            Whole(0, 10**15),
            msg("A number from this on, or at least so many values"),
            also=("min",),
        ),
        Key(
            "at-most", Whole(0, 10**15), msg("A number up to this, or at most so many values"), also=("max",)
        ),
    ),
    one_of=("is", "has", "lacks", "at-least", "at-most"),
    texts=True,
)
CONSOLE_LINE = Line(60, "[ -~]+", msg("one line of ASCII, up to 60 characters"))
COMMAND_SECONDS = 60  # for one command: on a busy host, 3 s of a guest inside another become 20
COMMAND_BYTES = 64 * 1024  # of its output
_BOUNDS = msg(
    "{command_seconds} seconds (check --timeout gives more) and {command_bytes} KiB at most",
    command_seconds=COMMAND_SECONDS,
    command_bytes=COMMAND_BYTES // 1024,
)
NEEDS_NETWORK = "network"
READINGS = ("lines", "text", "number", "exit-code")
OBSERVATION = Record(
    (
        Key("title", TITLE, msg("What is looked at, for people"), required=True),
        Key(
            "guests",
            Many(NAME, 64, msg("guests")),
            msg("The guests that are asked"),
            required=True,
            also=("guest",),
        ),
        Key("fact", FactName(), msg("A fact that virtlab gathers"), also=("facts",)),
        Key(
            "command",
            Many(Line(2000, long=True), 32, msg("words")),
            msg("A command that is run in the guest, one word in each entry; {bounds}", bounds=_BOUNDS),
            also=("run", "exec", "cmd"),
        ),
        Key(
            "console",
            CONSOLE_LINE,
            msg(
                "A line that is typed at the guest's serial console, where its system waits for one "
                "(its image says so); what it prints until it waits again is the output; {bounds}",
                bounds=_BOUNDS,
            ),
            also=("type",),
        ),
        Key(
            "read",
            Word(READINGS),
            msg(
                "How the output of the command or at the console is read: lines (each is a value), "
                "text (all of it is one value), number, or exit-code of a command (the output does "
                "not count)"
            ),
            "lines",
        ),
        Key("expect", EXPECTATION, msg("What the lesson expects there"), required=True, also=("expected",)),
        Key(
            "needs",
            Many(Word(("kvm", "tcg", NEEDS_NETWORK)), 1, msg("needs")),
            msg(
                "What has to be there: kvm or tcg to execute the guest, or a network on which guests "
                "reach one another. Without it the observation is not possible, which is no failure"
            ),
            "nothing",
        ),
        Key("why", DESCRIPTION, msg("What follows from it, for people"), "none"),
    ),
    one_of=("fact", "command", "console"),
)
MAX_OBSERVATIONS = 64
OBSERVATIONS = Names(NAME, OBSERVATION, MAX_OBSERVATIONS, what=msg("items"))
