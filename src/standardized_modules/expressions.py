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
from collections.abc import Callable, Mapping
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
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": min,
    "max": max,
    "ceil": math.ceil,
    "floor": math.floor,
    "round": round,
    "abs": abs,
}
_NODES = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp)
_OPERATORS = (ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
_NUMERIC_OPERANDS = (int, float)


def evaluate(expression: str, values: Mapping[str, Any], where: str) -> Any:
    """The value of an expression.

    Args:
        expression: The text.
        values: Values by dotted name.
        where: What the expression belongs to, for messages.

    Raises:
        LibraryError: when it doesn't parse, uses something else than listed above, names an
            unknown parameter, divides by zero or mixes types.
    """
    try:
        return _value(_parse(expression, where), values, where)
    except ZeroDivisionError:
        raise _error(where, f"{expression!r} divides by zero") from None
    except (TypeError, OverflowError, ValueError) as problem:
        raise _error(where, f"{expression!r} can't be computed: {problem}") from None


def names_in(expression: str, where: str) -> frozenset[str]:
    """Dotted names that the expression reads.

    Raises:
        LibraryError: when it holds anything that `evaluate` would refuse whatever the values are.
    """
    tree = _parse(expression, where)
    _check(tree, where)
    return frozenset(_names(tree))


def _parse(expression: str, where: str) -> ast.expr:
    if len(expression) > MAXIMUM_LENGTH:
        raise _error(where, f"the expression is longer than {MAXIMUM_LENGTH} characters")
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _error(where, f"{expression!r} is not an expression") from None


def _check(node: ast.AST, where: str) -> None:
    """Refuse every node that is not of the language, before any value is known."""
    if _dotted(node) or isinstance(node, _OPERATORS):
        return
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS
    if not called and not isinstance(node, _NODES):
        raise _error(where, f"{ast.unparse(node)!r} is not allowed in an expression")
    children = node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node)
    for child in children:
        _check(child, where)


def _names(node: ast.AST) -> list[str]:
    dotted = _dotted(node)
    if dotted:
        return [dotted]
    return [name for child in ast.iter_child_nodes(node) for name in _names(child)]


def _dotted(node: ast.AST) -> str | None:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    return None


def _value(node: ast.expr, values: Mapping[str, Any], where: str) -> Any:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as constant):
            return constant
        case ast.Attribute():
            return _lookup(node, values, where)
        case ast.BinOp() if type(node.op) in _BINARY:
            return _binary(node, values, where)
        case ast.UnaryOp(op=ast.USub()):
            return -_value(node.operand, values, where)
        case ast.UnaryOp(op=ast.Not()):
            return not _value(node.operand, values, where)
        case ast.BoolOp():
            return _boolean(node, values, where)
        case ast.Compare():
            return _compare(node, values, where)
        case ast.IfExp():
            chosen = node.body if _value(node.test, values, where) else node.orelse
            return _value(chosen, values, where)
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_value(each, values, where) for each in node.args))
    raise _error(where, f"{ast.unparse(node)!r} is not allowed in an expression")


def _lookup(node: ast.Attribute, values: Mapping[str, Any], where: str) -> Any:
    name = _dotted(node)
    if name is None or name not in values:
        raise _error(where, f"{ast.unparse(node)!r} is not a parameter of this service")
    return values[name]


def _binary(node: ast.BinOp, values: Mapping[str, Any], where: str) -> Any:
    left, right = _value(node.left, values, where), _value(node.right, values, where)
    for operand in (left, right):
        if not isinstance(operand, _NUMERIC_OPERANDS):
            raise _error(where, f"{operand!r} in {ast.unparse(node)!r} is not a number")
    return _BINARY[type(node.op)](left, right)


def _boolean(node: ast.BoolOp, values: Mapping[str, Any], where: str) -> bool:
    results = (bool(_value(each, values, where)) for each in node.values)
    return all(results) if isinstance(node.op, ast.And) else any(results)


def _compare(node: ast.Compare, values: Mapping[str, Any], where: str) -> bool:
    left = _value(node.left, values, where)
    for test, right_node in zip(node.ops, node.comparators, strict=True):
        right = _value(right_node, values, where)
        if type(test) not in _COMPARE:
            raise _error(where, f"{ast.unparse(node)!r} uses an operator that is not allowed")
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
