"""What is wrong with a configuration, in words a facility person can act on."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterator, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

_VALUES = reprlib.Repr()
_VALUES.maxstring = 100  # enough for most paths
_VALUES.maxlevel = 2  # values may hold each other, many times over
SHOWN = 50  # problems told at most


class ConfigError(Exception):
    """The configuration cannot be used; `problems` holds one sentence or two for each reason."""

    def __init__(self, problems: Sequence[str]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = [f"The configuration has {count}:", *(f"  {line}" for line in problems[:SHOWN])]
        if len(problems) > SHOWN:
            lines.append(f"  and {len(problems) - SHOWN} more.")
        super().__init__("\n".join(lines))
        self.problems = tuple(problems)


def bad_option(cause: str, remedy: str, is_secret: bool = False) -> PydanticCustomError:
    """What a validator raises: `describe` puts the option's name before the cause, and its value
    unless it may be a secret."""
    return PydanticCustomError("option", cause, {"remedy": remedy, "is_secret": is_secret})


def describe(error: ValidationError, root: type[BaseModel]) -> list[str]:
    """One line for each error: option path, what is wrong with which value, what to do."""
    return [_line(details, root) for details in error.errors()]


def _line(details: ErrorDetails, root: type[BaseModel]) -> str:
    location = details["loc"]
    option = ".".join(_name(part) for part in location)
    value = _VALUES.repr(details["input"])
    if details["type"] == "extra_forbidden":
        return f"{option}: there is no such option. {_suggestion(location, root)}"
    if not option:
        return f"{details['msg']}. {_remedy(details)}"
    if details.get("ctx", {}).get("is_secret"):
        value = "its value"
    return f"{option}: {value} {_cause(details)}. {_remedy(details)}"


def _name(part: int | str) -> str:
    """As it is written, unless it would fill the terminal or steer it."""
    text = str(part)
    return text if text.isprintable() and len(text) <= 60 else repr(text[:60])


def _suggestion(location: Sequence[int | str], root: type[BaseModel]) -> str:
    model: Any = root
    for part in location[:-1]:
        if get_origin(model) is dict:  # the part is a name of the user's own
            model = get_args(model)[1]
        else:
            model = next(section for name, section in _options(model) if name == part)
    names = [name for name, _ in _options(model)]
    close = difflib.get_close_matches(str(location[-1]).lower(), names, n=1)
    if close:
        return f"Did you mean {close[0]}?"
    elsewhere = [
        f"{name}.{option}"
        for name, section in _options(root)
        if isinstance(section, type) and issubclass(section, BaseModel)
        for option, _ in _options(section)
        if option == location[-1]
    ]
    if elsewhere:
        return f"Did you mean {' or '.join(elsewhere)}?"
    return f"Remove it; the options here are {', '.join(names)}."


def _options(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        yield field.alias or name, field.annotation


def _cause(details: ErrorDetails) -> str:
    if details["type"] == "option":
        return details["msg"]
    kind = details["type"]
    if kind == "literal_error":
        return "is not one of its values"
    if kind == "invalid_key":
        return "is a key that is not text"
    if kind.startswith("bool"):
        return "is neither true nor false"
    if kind.startswith("int"):
        return "is not a whole number"
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return "is not a block of options"
    if kind in ("list_type", "tuple_type"):
        return "is not a list"
    if kind.startswith("path"):
        return "is not a path"
    return details["msg"].removeprefix("Input ").removeprefix("String ")


def _remedy(details: ErrorDetails) -> str:
    kind = details["type"]
    context = details.get("ctx", {})
    if "remedy" in context:
        return str(context["remedy"])
    if kind == "literal_error":
        return f"Write {context['expected']}."
    if kind.startswith("bool"):
        return "Write true or false."
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return "Write its options below it, indented, or remove the line."
    if kind in ("list_type", "tuple_type"):
        return "Write [a, b], or one line '- a' for each."
    if kind in ("string_type", "invalid_key"):
        return 'Put it in quotes: "...".'
    return "Correct it, or remove the line to have the default."
