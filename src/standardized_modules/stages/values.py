"""Takes a parameter's definition and a value. Returns the value, checked; raises with the reason.

Never converts silently: 'yes' is not true and '5' is not 5.
"""

from __future__ import annotations

import math
import re

from standardized_modules.errors import LibraryError, SmError, SpecError
from standardized_modules.model.library import ENVIRONMENTS, Parameter, Scalar

_KINDS: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "string": (str,),
    "enum": (str, int),
}


def check_value(path: str, parameter: Parameter, value: object, where: str | None) -> Scalar:
    """The value, when it has the parameter's type and lies in its bounds.

    Raises:
        SpecError: with type, unit, bounds or choices in the message.
    """
    problem = _problem(parameter, value)
    if problem is not None:
        raise SpecError(f"{path}: {problem}", hint=f"{parameter.doc} {_allowed(parameter)}", where=where)
    assert isinstance(value, bool | int | float | str)
    return value


def check_definition(path: str, parameter: Parameter, where: str) -> None:
    """Refuse a parameter whose own defaults break its own bounds.

    Raises:
        LibraryError: with file and line.
    """
    if parameter.pattern:
        try:
            re.compile(parameter.pattern)
        except re.error as problem:
            raise _library_error(f"the pattern of {path}: {problem}", where) from None
    if parameter.type == "enum" and not parameter.choices:
        raise _library_error(f"{path} is an enum without choices", where)
    for value in (parameter.default, *(parameter.default_in(each) for each in ENVIRONMENTS)):
        reason = _problem(parameter, value)
        if reason is not None:
            raise _library_error(f"the default of {path}: {reason}", where)


def _library_error(message: str, where: str) -> SmError:
    return LibraryError(message, hint="correct the definition", where=where)


def _problem(parameter: Parameter, value: object) -> str | None:
    kinds = _KINDS[parameter.type]
    wrong_bool = isinstance(value, bool) and parameter.type != "boolean"
    if not isinstance(value, kinds) or wrong_bool:
        return f"expected {_article(parameter.type)}, got {value!r}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value!r} is not a finite number"
    if parameter.choices and value not in parameter.choices:
        return f"{value!r} is not one of the choices"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _bounds_problem(parameter, value)
    if isinstance(value, str) and parameter.pattern and not re.fullmatch(parameter.pattern, value):
        return f"{value!r} does not match {parameter.pattern}"
    return None


def _bounds_problem(parameter: Parameter, value: float) -> str | None:
    unit = f" {parameter.unit}" if parameter.unit else ""
    if parameter.minimum is not None and value < parameter.minimum:
        return f"{value}{unit} is below the minimum of {parameter.minimum:g}{unit}"
    if parameter.maximum is not None and value > parameter.maximum:
        return f"{value}{unit} is above the maximum of {parameter.maximum:g}{unit}"
    return None


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _allowed(parameter: Parameter) -> str:
    if parameter.choices:
        return f"Choices: {', '.join(map(str, parameter.choices))}."
    bounds = [
        f"{word} {bound:g}"
        for word, bound in (("from", parameter.minimum), ("to", parameter.maximum))
        if bound is not None
    ]
    unit = f" {parameter.unit}" if parameter.unit else ""
    return f"Allowed: {' '.join(bounds)}{unit}." if bounds else f"Default: {parameter.default!r}."
