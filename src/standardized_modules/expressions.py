"""The small expression language of rules and derived values.

Arithmetic, comparisons, `and`/`or`/`not`, `a if c else b`, and the functions min, max, ceil,
floor, round and abs over dotted names: `http.keep_alive > ingress.idle_timeout`. Python's own
parser reads it; only the nodes listed here are evaluated, so a rule from somebody else's
catalog can compute a number and nothing more.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from standardized_modules.errors import LibraryError

MAXIMUM_LENGTH = 500
"""Characters in one expression: long enough for every rule, too short to exhaust the parser."""

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
MAXIMUM = 1e15
"""No value of ours is larger; beyond it a float no longer tells neighbouring integers apart."""
MAXIMUM_DECIMALS = 12
MAXIMUM_DEPTH = 50


def _round(value: Any, decimals: Any = 0) -> Any:
    if not isinstance(decimals, int) or not 0 <= decimals <= MAXIMUM_DECIMALS:
        raise ValueError(f"round takes 0 to {MAXIMUM_DECIMALS} decimals")
    return round(value, decimals) if decimals else round(value)


_FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "min": (min, 2, 9),
    "max": (max, 2, 9),
    "ceil": (math.ceil, 1, 1),
    "floor": (math.floor, 1, 1),
    "round": (_round, 1, 2),
    "abs": (abs, 1, 1),
}
"""Each with the smallest and the largest number of its arguments."""


def evaluate(expression: str, values: Mapping[str, Any], where: str) -> Any:
    """The value of an expression.

    Args:
        expression: The text.
        values: Values by dotted name.
        where: What the expression belongs to, for messages.

    Raises:
        LibraryError: when `names_in` would refuse it, or it names an unknown parameter, divides by
            zero, mixes types or leaves the range of ±`MAXIMUM`.
    """
    tree = _parse(expression, where)
    try:
        return _value(tree, values, where)
    except ZeroDivisionError:
        raise _error(where, f"{expression!r} divides by zero") from None
    except (TypeError, OverflowError, ValueError) as problem:
        raise _error(where, f"{expression!r} can't be computed: {problem}") from None


def names_in(expression: str, where: str) -> frozenset[str]:
    """Dotted names that the expression reads.

    Raises:
        LibraryError: when it holds anything that is not of the language.
    """
    return frozenset(_names(_parse(expression, where)))


def _parse(expression: str, where: str) -> ast.expr:
    """The tree of an expression, every node of which is of the language."""
    if len(expression) > MAXIMUM_LENGTH:
        raise _error(where, f"the expression is longer than {MAXIMUM_LENGTH} characters")
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _error(where, f"{expression!r} is not an expression") from None
    _check(tree, where)
    return tree


def _check(node: ast.expr, where: str, depth: int = 0) -> None:
    """The one list of what is allowed, before any value is known."""
    if depth > MAXIMUM_DEPTH:
        raise _error(where, f"the expression is nested deeper than {MAXIMUM_DEPTH} levels")
    operands = _operands(node)
    if operands is None:
        raise _error(where, f"{ast.unparse(node)!r} is not allowed in an expression")
    for operand in operands:
        _check(operand, where, depth + 1)


def _operands(node: ast.expr) -> list[ast.expr] | None:
    """The nodes below an allowed node; None for one that is not allowed."""
    match node:
        case ast.Constant(value=bool() | str()):
            return []
        case ast.Constant(value=int() | float() as number) if abs(number) <= MAXIMUM:
            return []
        case ast.Attribute(value=ast.Name()):
            return []
        case ast.BinOp() if type(node.op) in _BINARY:
            return [node.left, node.right]
        case ast.UnaryOp(op=ast.USub() | ast.Not()):
            return [node.operand]
        case ast.BoolOp():
            return node.values
        case ast.Compare() if all(type(each) in _COMPARE for each in node.ops):
            return [node.left, *node.comparators]
        case ast.IfExp():
            return [node.test, node.body, node.orelse]
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _FUNCTIONS:
            _, fewest, most = _FUNCTIONS[name]
            return node.args if fewest <= len(node.args) <= most else None
    return None


def _names(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Attribute):
        yield ast.unparse(node)
    for operand in _operands(node) or ():
        yield from _names(operand)


def _value(node: ast.expr, values: Mapping[str, Any], where: str) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.Attribute():
            return _lookup(node, values, where)
        case ast.BinOp():
            left, right = _value(node.left, values, where), _value(node.right, values, where)
            return _bounded(_BINARY[type(node.op)](_number(left), _number(right)))
        case ast.UnaryOp(op=ast.USub()):
            return -_number(_value(node.operand, values, where))
        case ast.UnaryOp():
            return not _value(node.operand, values, where)
        case ast.BoolOp():
            results = (bool(_value(each, values, where)) for each in node.values)
            return all(results) if isinstance(node.op, ast.And) else any(results)
        case ast.Compare():
            return _compare(node, values, where)
        case ast.IfExp():
            return _value(node.body if _value(node.test, values, where) else node.orelse, values, where)
        case ast.Call(func=ast.Name(id=name)):
            return _bounded(_FUNCTIONS[name][0](*(_number(_value(each, values, where)) for each in node.args)))
    raise AssertionError(ast.dump(node))  # _check has let nothing else through


def _lookup(node: ast.Attribute, values: Mapping[str, Any], where: str) -> Any:
    name = ast.unparse(node)
    if name not in values:
        raise _error(where, f"{name!r} is not a parameter of this service")
    return values[name]


def _number(value: Any) -> Any:
    if not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    return value


def _bounded(value: Any) -> Any:
    if not abs(value) <= MAXIMUM:  # also refuses nan
        raise OverflowError("a result is too large")
    return value


def _compare(node: ast.Compare, values: Mapping[str, Any], where: str) -> bool:
    left = _value(node.left, values, where)
    for test, right_node in zip(node.ops, node.comparators, strict=True):
        right = _value(right_node, values, where)
        if not _COMPARE[type(test)](left, right):
            return False
        left = right
    return True


def _error(where: str, message: str) -> LibraryError:
    return LibraryError(
        message,
        hint="allowed: numbers, strings, group.name, + - * / // %, comparisons, and/or/not, "
        "a if c else b, min max ceil floor round abs",
        where=where,
    )
