"""Verbs about one running guest: exec, console."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from provisioner.cli import options
from provisioner.language import msg

_LONGEST_INPUT = 16 * 1024 * 1024
_MOST_OUTPUT = 1280 * 1024  # the most that a guest agent carries in one answer


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    app.command("exec", context_settings={"allow_interspersed_args": False})(exec_)
    app.command()(console)


def exec_(
    guest: options.Guest,
    command: Annotated[
        list[str], typer.Argument(help="What to run, after --.", metavar="-- COMMAND [ARG]...")
    ],
    timeout: Annotated[
        float, typer.Option(min=0.1, help="How long until the command is ended.", metavar="SECONDS")
    ] = 60.0,
    max_output: Annotated[
        int,
        typer.Option(
            min=1,
            max=_MOST_OUTPUT,
            help="How much of standard output, and of standard error, to keep.",
            metavar="BYTES",
        ),
    ] = 1024 * 1024,
    stdin: Annotated[bool, typer.Option("--stdin", "-i", help="Pass standard input on to it.")] = False,
    connect: options.Connect = None,
) -> None:
    """Run a command in a guest, and show what it writes while it runs.

    Its exit code is passed on; 125 is virtlab's own failure. The command ends when virtlab does.
    """
    from provisioner.report.terminal import text
    from provisioner.verbs import in_guest as verbs

    stdout, stderr = text.GuestOutput(sys.stdout), text.GuestOutput(sys.stderr)

    def heard(output: bytes, complaints: bytes) -> None:
        stdout.write(output)
        stderr.write(complaints)

    try:
        result = verbs.run(
            guest,
            command[1:] if command[0] == "--" else command,
            connect,
            read_input=_standard_input if stdin else None,
            timeout=timeout,
            max_output=max_output,
            heard=heard,
        )
    finally:
        stdout.end()
        stderr.end()
    if result.truncated:
        text.tell(
            msg(
                "virtlab: there was more output than {most} bytes: the rest is dropped (--max-output)",
                most=max_output,
            )
        )
    raise typer.Exit(128 + (result.signal or 0) if result.exit_code is None else result.exit_code)


def _standard_input() -> bytes:
    from provisioner import errors

    given = sys.stdin.buffer.read(_LONGEST_INPUT + 1)
    if len(given) > _LONGEST_INPUT:
        raise errors.InputError(
            msg(
                "there are more than {size} MiB on standard input",
                size=_LONGEST_INPUT // 1024**2,
            ),
            hint=msg("give it in parts, each with an exec of its own"),
        )
    return given


def console(guest: options.Guest, connect: options.Connect = None) -> None:
    """Sit at a guest's serial console. Ctrl-] leaves it."""
    from provisioner.report.terminal import text
    from provisioner.verbs import in_guest as verbs

    verbs.console(guest, connect, lambda words: text.tell(text.told(words)))
