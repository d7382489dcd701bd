"""The command line: parses, calls verbs, turns errors into messages and exit codes."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command_name
from typer.models import CommandInfo

from provisioner import errors
from provisioner.cli import interrupt
from provisioner.language import Language, msg
from provisioner.report.preferred_language import preferred, speak
from provisioner.report.terminal import standard_streams, text, wrong_usage
from provisioner.verbs import VERSION, Shell

_BUG = 3
_EXEC_FAILED = 125
_NO_READER = 128 + 13  # as if ended by SIGPIPE


class _Unexpected(typer.BadParameter):
    """There are more words than the command has arguments."""

    def __init__(self, words: list[str], ctx: Any) -> None:
        super().__init__(f"Got unexpected extra argument(s) ({' '.join(words)})", ctx)
        self.words = words


class _Verb(TyperCommand):
    """A verb. Its usage line shows the arguments in our own form. typer would put them in braces."""

    def collect_usage_pieces(self, _ctx: Any) -> list[str]:
        arguments = [parameter for parameter in self.params if parameter.param_type_name == "argument"]
        return [str(self.options_metavar), *(str(argument.metavar) for argument in arguments)]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.allow_extra_args = True  # typer's error has no more than a text
        left: list[str] = super().parse_args(ctx, args)
        if left and not ctx.resilient_parsing:
            raise _Unexpected(left, ctx)
        return left

    def get_help(self, ctx: Any) -> str:
        _speak(self, ctx)
        return str(super().get_help(ctx))


class _Group(TyperGroup):
    """Runs a verb, and turns what it raises into an exit code.

    Each option of a verb can be set by an environment variable of its name, such as VIRTLAB_UP_TIMEOUT.
    """

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            _speak(command, ctx)
        parameters: list[Any] = [] if command is None else list(command.params)
        for parameter in parameters:
            longest = max(parameter.opts, key=len)
            variable = f"VIRTLAB_{cmd_name}_{longest.lstrip('-')}".replace("-", "_").upper()
            if longest == "--set":
                # one value on each line, because values contain blanks, at which typer would split them
                lines = os.environ.get(variable, "").splitlines()
                parameter.default = [line for line in lines if line.strip()] or None
                parameter.show_default = False
            elif parameter.param_type_name == "option" and longest != "--help":
                parameter.envvar = variable
                parameter.show_envvar = False
        return command

    def get_help(self, ctx: Any) -> str:
        _speak(self, ctx)
        return str(super().get_help(ctx))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None:
            raise wrong_usage.no_command(args[0], self.commands)
        return super().resolve_command(ctx, args)

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
        wants_help = not args
        try:
            return super().make_context(info_name, args, parent, **extra)
        except typer.TyperException as error:
            if wants_help:  # which typer shows
                raise
            wrong_usage.tell(error, self)
            raise typer.Exit(error.exit_code) from error

    def invoke(self, ctx: Any) -> Any:
        speak(None)
        try:
            with text.announcing():
                return super().invoke(ctx)
        except typer.TyperException as error:  # wrong usage
            wrong_usage.tell(error, self.get_command(ctx, ctx.invoked_subcommand) or self)
            code = _EXEC_FAILED if ctx.invoked_subcommand == "exec" else error.exit_code
            raise typer.Exit(code) from error
        except (typer.Exit, typer.Abort):
            raise
        except (Exception, errors.Cancelled) as error:
            code = _told(error)
            # exec has a single code for failures of virtlab's own: all others are the guest's
            sys.exit(_EXEC_FAILED if ctx.invoked_subcommand == "exec" and code <= _BUG else code)


def _speak(command: Any, ctx: Any) -> None:
    """Has help speak the reader's language."""
    if preferred() is Language.JA:
        from provisioner.cli import help_in_japanese

        help_in_japanese.translate(command, ctx)
        ctx.formatter_class = help_in_japanese.formatter(type(ctx).formatter_class)


def _told(error: BaseException) -> int:
    """Says what ended a verb. Returns the exit code."""
    if isinstance(error, errors.Cancelled):
        text.tell(interrupt.last_words())
        return interrupt.INTERRUPTED
    if isinstance(error, BrokenPipeError):  # the reader of our output has gone
        return _NO_READER
    known = error if isinstance(error, errors.VirtlabError) else errors.of_surroundings(error)
    if isinstance(error, FileNotFoundError) and _folder_is_gone():
        known = errors.VirtlabError(
            msg("the current folder is gone"), hint=msg("go to one that is there: cd")
        )
    if known is None:
        text.bug()
        return _BUG
    text.problem(known)
    return known.exit_code


def _folder_is_gone() -> bool:
    try:
        os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        return True
    return False


app = typer.Typer(
    cls=_Group,
    name="virtlab",
    help="Virtualization labs on libvirt: start them, look into them, take them down.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog="Every option can come from the environment, too: VIRTLAB_UP_TIMEOUT=60 for up --timeout 60.",
    add_completion=False,  # typer's own scripts know no ./bootstrap, and its options take no name of a shell
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        text.say(f"virtlab {VERSION}")
        raise typer.Exit


def _show_completion(shell: Shell | None) -> None:
    from provisioner.verbs import shell_completion

    if shell:
        text.say(shell_completion.script(shell).rstrip())
        raise typer.Exit


def _install_completion(shell: Shell | None) -> None:
    from provisioner.verbs import shell_completion

    if shell:
        for file in shell_completion.install(shell):
            text.say(msg("written: {place}", place=file))
        text.tell(msg("the next {shell} that you start completes virtlab's commands", shell=shell))
        raise typer.Exit


@app.callback()
def _root(
    _wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    _install: Annotated[
        Shell | None,
        typer.Option(
            "--install-completion",
            callback=_install_completion,
            is_eager=True,
            help="Have a shell complete virtlab's commands, with the names of labs and guests.",
        ),
    ] = None,
    _show: Annotated[
        Shell | None,
        typer.Option(
            "--show-completion", callback=_show_completion, is_eager=True, help="Show what that writes."
        ),
    ] = None,
) -> None:
    pass


def _name(verb: CommandInfo) -> str | None:
    return verb.name or (get_command_name(verb.callback.__name__) if verb.callback else None)


def main() -> None:
    """Entry point. Exit 0 done, 1 an expected failure, 2 bad input, 3 a bug, 130 interrupted."""
    standard_streams.prepare()
    try:
        with interrupt.handled():
            try:
                _run()
            finally:
                sys.stdout.flush()  # here, where it may fail
    except (Exception, errors.Cancelled) as error:  # outside of any verb
        sys.exit(_told(error))
    except KeyboardInterrupt:  # when all was said, and signals had their usual effect again
        sys.exit(interrupt.INTERRUPTED)


def register() -> None:
    """Adds all verbs to ``app``."""
    from provisioner.cli import (
        bench_command,
        compare_command,
        guest_commands,
        host_commands,
        instance_commands,
        lab_commands,
        lesson_commands,
        products_command,
        report_command,
        work_commands,
    )

    for module in (
        lab_commands,
        instance_commands,
        guest_commands,
        compare_command,
        bench_command,
        lesson_commands,
        work_commands,
        report_command,
        products_command,
        host_commands,
    ):
        module.register(app)
    for verb in app.registered_commands:
        verb.cls = _Verb


def _run() -> None:
    register()
    if any(name.startswith("_VIRTLAB_COMPLETE") for name in os.environ):  # a shell asks what to complete
        from typer.completion import completion_init  # type: ignore[attr-defined]

        completion_init()
        app()
        return
    # typer examines what each verb takes, which takes as long as list itself: the called one is enough
    called = [verb for verb in app.registered_commands if sys.argv[1:2] == [_name(verb)]]
    app.registered_commands = called or app.registered_commands
    app(prog_name=text.command())
