"""The command line: parses, calls the engine, turns errors into messages and exit codes."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from provisioner import __version__, errors
from provisioner.report import text


class _Group(TyperGroup):
    """Runs a verb, and maps what it raises to exit codes.

    Each option of a verb has the environment variable that its name says: VIRTLAB_UP_TIMEOUT.
    """

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = super().get_command(ctx, cmd_name)
        parameters: list[Any] = [] if command is None else list(command.params)
        for parameter in parameters:
            longest = max(parameter.opts, key=len)
            if parameter.param_type_name == "option" and longest != "--help":
                words = f"{cmd_name}_{longest.lstrip('-')}"
                parameter.envvar = f"VIRTLAB_{words}".replace("-", "_").upper()
                parameter.show_envvar = False
        return command

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except errors.VirtlabError as error:
            text.problem(error)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            text.tell("interrupted")
            sys.exit(130)
        except BrokenPipeError:
            # whoever read our output has gone; Python would complain once more while it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(141)


app = typer.Typer(
    cls=_Group,
    name="virtlab",
    help="Virtualization labs on libvirt: start them, look into them, take them down.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog="Every option can come from the environment, too: VIRTLAB_UP_TIMEOUT=60 for up --timeout 60.",
    suggest_commands=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        text.say(f"virtlab {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point. Exit 0 done, 1 an expected failure, 2 bad input, 3 a bug, 130 interrupted."""
    from provisioner.cli import guests, host, instances, labs

    for module in (labs, instances, guests, host):
        module.register(app)
    try:
        app()
    except Exception:
        import traceback

        traceback.print_exc()
        text.tell("This is a bug in virtlab: please report it with the lines above.")
        sys.exit(3)
