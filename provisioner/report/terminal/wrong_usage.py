"""What typer finds wrong with a command line, in virtlab's words and in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from provisioner import errors
from provisioner.labfile.problems import listed, shown, suggestion
from provisioner.language import joined, msg
from provisioner.report.terminal import text


def tell(error: Any, command: Any) -> None:
    """Says how the command is used, what is wrong, and where help is. ``command``: a verb, or virtlab."""
    context: Any = getattr(error, "ctx", None)
    if context is not None:
        text.tell(context.get_usage())
    is_verb = context.parent is not None if context is not None else True
    text.problem(errors.InputError(_message(error, command), hint=_help(command.name if is_verb else "")))


def no_command(name: str, known: Iterable[str]) -> errors.InputError:
    """The error for a command that there is none of."""
    message = msg("there is no command {name}", name=shown(name))
    return errors.InputError(_with_near(message, suggestion(name, known)), hint=_help(""))


def _message(error: Any, command: Any) -> str:
    if words := getattr(error, "words", None):
        return msg("{words} is too much: no further argument belongs there", words=shown(" ".join(words)))
    parameter: Any = getattr(error, "param", None)
    if parameter is not None:
        return _of_value(error, parameter)
    option = getattr(error, "option_name", None)
    if option is None:
        return str(error.format_message())
    if hasattr(error, "possibilities"):
        known = [name for each in command.params for name in each.opts if name.startswith("--")]
        return _with_near(msg("there is no option {option}", option=option), suggestion(option, known))
    if any(option in each.opts and each.is_flag for each in command.params if hasattr(each, "is_flag")):
        return msg("{option} takes no value", option=option)
    return msg("{option} needs a value", option=option)


def _of_value(error: Any, parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    name = max(parameter.opts, key=len) if is_option else parameter.metavar or parameter.name
    if hasattr(error, "param_type"):  # typer's MissingParameter
        return msg("{name} is missing", name=name)
    kind = parameter.type
    if (simple := kind.name.partition(" ")[0]) in ("int", "float"):  # the type's name, or with "range" behind
        least, most = getattr(kind, "min", None), getattr(kind, "max", None)
        number = msg("a whole number") if simple == "int" else msg("a number")
        if most is not None:
            return msg(
                "{name} takes {number} from {least} to {most}",
                name=name,
                number=number,
                least=least or 0,
                most=most,
            )
        if least is not None:
            return msg("{name} takes {number} of at least {least}", name=name, number=number, least=least)
        return msg("{name} takes {number}", name=name, number=number)
    if choices := getattr(kind, "choices", None):
        return msg("{name} takes {choices}", name=name, choices=listed(map(str, choices)))
    return msg("{name}: {reason}", name=name, reason=error.message)


def _with_near(message: str, near: str) -> str:
    return joined("; ", (message, near)) if near else message


def _help(verb: str) -> str:
    words = f"{verb} -h".strip()
    return f"{{virtlab}} {words}"
