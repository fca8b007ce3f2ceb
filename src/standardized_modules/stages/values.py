"""Takes a parameter's definition and a value. Returns the value, checked; raises with the reason.

Never converts silently: 'yes' is not true and '5' is not 5.
"""

from __future__ import annotations

import math
import re

from standardized_modules.errors import LibraryError, SpecError
from standardized_modules.model.library import ENVIRONMENTS, FACTS, Parameter, Scalar

_KINDS: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "string": (str,),
    "enum": (str, int),
}
SHOWN = 60
"""Characters of a value that a message repeats."""


def check_value(path: str, parameter: Parameter, value: object, where: str | None) -> Scalar:
    """The value, when it has the parameter's type and lies in its bounds.

    Raises:
        SpecError: with type, unit, bounds or choices in the message.
    """
    problem = find_problem(parameter, value)
    if problem is not None:
        raise SpecError(f"{path}: {problem}", hint=hint_for(parameter), where=where)
    assert isinstance(value, bool | int | float | str)
    return value


def check_definition(path: str, parameter: Parameter, where: str) -> None:
    """Refuse a parameter whose own defaults break its own bounds, or whose name means something else.

    Raises:
        LibraryError: with file and line.
    """
    if path in FACTS:
        raise LibraryError(f"{path!r} is known of every service", hint="choose another name", where=where)
    if parameter.pattern:
        try:
            re.compile(parameter.pattern)
        except re.error as problem:
            raise _library_error(f"the pattern of {path}: {problem}", where) from None
    if parameter.type == "enum" and not parameter.choices:
        raise _library_error(f"{path} is an enum without choices", where)
    low, high = parameter.minimum, parameter.maximum
    if (low, high) != (None, None) and parameter.type not in ("integer", "number"):
        raise _library_error(f"{path} has bounds and is not a number", where)
    if low is not None and high is not None and low > high:
        raise _library_error(f"the minimum of {path} is above its maximum", where)
    for value in (parameter.default, *(parameter.default_in(each) for each in ENVIRONMENTS)):
        reason = find_problem(parameter, value)
        if reason is not None:
            raise _library_error(f"the default of {path}: {reason}", where)


def find_problem(parameter: Parameter, value: object) -> str | None:
    """What is wrong with the value, or None."""
    kinds = _KINDS[parameter.type]
    wrong_bool = isinstance(value, bool) and parameter.type != "boolean"
    if not isinstance(value, kinds) or wrong_bool:
        return f"expected {_article(parameter.type)}, got {shown(value)}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value!r} is not a finite number"
    if parameter.choices and value not in parameter.choices:
        return f"{shown(value)} is not one of the choices"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _bounds_problem(parameter, value)
    if isinstance(value, str) and parameter.pattern and not re.fullmatch(parameter.pattern, value):
        return f"{shown(value)} does not match {parameter.pattern}"
    return None


def hint_for(parameter: Parameter) -> str:
    """What the parameter does and which values it takes."""
    if parameter.choices:
        return f"{parameter.doc} Choices: {', '.join(map(str, parameter.choices))}."
    bounds = bounds_text(parameter.minimum, parameter.maximum)
    unit = f" {parameter.unit}" if parameter.unit else ""
    allowed = f"Allowed: {bounds}{unit}." if bounds else f"Default: {shown(parameter.default)}."
    return f"{parameter.doc} {allowed}"


def spelled(value: object) -> str:
    """A value as `sm.yaml` spells it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def shown(value: object) -> str:
    """A value as messages name it: texts in quotes, true and false as in YAML, and not too long."""
    text = repr(value) if isinstance(value, str) else spelled(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def bounds_text(minimum: float | None, maximum: float | None) -> str:
    """ "from 1 to 9", "from 1", "to 9", or nothing."""
    bounds = (("from", minimum), ("to", maximum))
    return " ".join(f"{word} {_plain(bound)}" for word, bound in bounds if bound is not None)


def _library_error(message: str, where: str) -> LibraryError:
    return LibraryError(message, hint="correct the definition", where=where)


def _bounds_problem(parameter: Parameter, value: float) -> str | None:
    unit = f" {parameter.unit}" if parameter.unit else ""
    if parameter.minimum is not None and value < parameter.minimum:
        return f"{value}{unit} is below the minimum of {_plain(parameter.minimum)}{unit}"
    if parameter.maximum is not None and value > parameter.maximum:
        return f"{value}{unit} is above the maximum of {_plain(parameter.maximum)}{unit}"
    return None


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else f"{number:g}"


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
