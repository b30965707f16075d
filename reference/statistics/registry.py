"""Judging functions by name, and the check of a claim's arguments against them."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence

from reference.statistics.judgement import Judgement

JudgingFunction = Callable[..., Judgement]
"""``judge(rows, published, *, ...)``: the keyword-only parameters are the arguments a claim gives."""

JUDGES: dict[str, JudgingFunction] = {}
"""Every judging function, by the name that claims use."""

WORDS = {str: "a string", float: "a number", Sequence[str]: "a list of strings"}


def judging_function(function: JudgingFunction) -> JudgingFunction:
    """Register a judging function under its own name."""
    JUDGES[function.__name__] = function
    return function


def parameters(name: str) -> Mapping[str, inspect.Parameter]:
    """Return the arguments of a judging function.

    Raises:
        ValueError: When there is none of that name.
    """
    if name not in JUDGES:
        raise ValueError(f"unknown judge {name!r}; the judges are {', '.join(sorted(JUDGES))}")
    found = inspect.signature(JUDGES[name]).parameters
    return {key: value for key, value in found.items() if value.kind is inspect.Parameter.KEYWORD_ONLY}


def rule(name: str) -> str:
    """Return the rule of a judging function in words: its docstring up to the arguments."""
    return inspect.cleandoc(JUDGES[name].__doc__ or "").split("\n\nArgs:")[0]


def check_arguments(name: str, arguments: Mapping[str, object]) -> None:
    """Check a claim's arguments against the signature of its judging function.

    Raises:
        ValueError: When the judge is unknown, or an argument is unknown, missing or of the wrong type.
    """
    known = parameters(name)
    for argument in arguments:
        if argument not in known:
            raise ValueError(f"judge {name!r} has no argument {argument!r}; it takes {', '.join(known)}")
    for argument, parameter in known.items():
        if parameter.default is inspect.Parameter.empty and argument not in arguments:
            raise ValueError(f"judge {name!r} needs the argument {argument!r}")
    types = typing.get_type_hints(JUDGES[name])
    for argument, value in arguments.items():
        if not _fits(value, types[argument]):
            raise ValueError(f"argument {argument!r} of judge {name!r} is {WORDS[types[argument]]}, not {value!r}")


def _fits(value: object, kind: object) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is str:
        return isinstance(value, str)
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
