"""The value of an expression. Integers and their quotients are exact; every result has a bound."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from math import inf, isfinite
from typing import Any

from dcgan_compiler import problems
from dcgan_compiler.diagnostics import closest
from dcgan_compiler.syntax import tree

_MAX_EXPONENT = 64

_FUNCTIONS: dict[str, Callable[..., Any]] = {"min": min, "max": max}
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

RESERVED = ("index", "in_channels", *_FUNCTIONS)


class Unknown(Exception):
    """The value depends on a shape that an earlier problem left unknown."""


def evaluate(expression: tree.Expression, names: Mapping[str, Any], words: Iterable[str] = ()) -> Any:
    """The value of an expression: a number, a boolean, a string, or a tuple of such.

    A name bound to None is known to exist but has no value here: `Unknown` is raised. `words` are the quoted words that
    would be valid in this place. Raises a located `Problem` for what has no value.
    """
    match expression:
        case tree.Number() | tree.Boolean() | tree.Text():
            return expression.value
        case tree.Tuple():
            return tuple(evaluate(item, names, words) for item in expression.items)
        case tree.Name():
            return _look_up(expression, names, words)
        case tree.Unary():
            return _bounded(expression, -_number(expression.operand, names))
        case tree.Call():
            return _call(expression, names)
        case tree.Binary():
            return _binary(expression, names)


def _look_up(name: tree.Name, names: Mapping[str, Any], words: Iterable[str]) -> Any:
    if name.id not in names:
        near = closest(name.id, [*names, "true", "false", *(f'"{word}"' for word in words)])
        raise problems.UNKNOWN_NAME.error(name.span, name=name.id, near=near)
    value = names[name.id]
    if value is None:
        raise Unknown
    return value


def _number(expression: tree.Expression, names: Mapping[str, Any]) -> int | float | Fraction:
    value = evaluate(expression, names)
    if type(value) in (int, float, Fraction):
        number: int | float | Fraction = value
        return number
    raise problems.WRONG_VALUE.error(
        expression.span, name=expression.span.text, expected="a number", found=show(value), hint=None
    )


def _binary(expression: tree.Binary, names: Mapping[str, Any]) -> Any:
    left, right = _number(expression.left, names), _number(expression.right, names)
    if expression.operator in ("/", "//", "%") and right == 0:
        reason = f"division by zero ({show(left)} {expression.operator} 0)"
        raise problems.ARITHMETIC.error(expression.span, expression=expression.span.text, reason=reason)
    if expression.operator == "/":
        exact = isinstance(left, (int, Fraction)) and isinstance(right, (int, Fraction))
        return _bounded(expression, Fraction(left) / Fraction(right) if exact else float(left) / float(right))
    if expression.operator == "**":
        return _bounded(expression, _power(expression, left, right))
    return _bounded(expression, _OPERATORS[expression.operator](left, right))


def _power(expression: tree.Binary, base: Any, exponent: Any) -> Any:
    if abs(exponent) > _MAX_EXPONENT:
        raise problems.ARITHMETIC.error(
            expression.span, expression=expression.span.text, reason=f"the exponent is larger than {_MAX_EXPONENT}"
        )
    if base == 0 and exponent < 0:
        raise problems.ARITHMETIC.error(expression.span, expression=expression.span.text, reason="division by zero")
    if isinstance(base, int) and isinstance(exponent, int) and exponent < 0:
        base = Fraction(base)
    try:
        return base**exponent
    except OverflowError:
        return inf


def _call(call: tree.Call, names: Mapping[str, Any]) -> Any:
    function = _FUNCTIONS.get(call.name)
    if function is None:
        raise problems.UNKNOWN_FUNCTION.error(call.name_span, name=call.name)
    for argument in call.arguments:
        if argument.name is not None:
            raise problems.UNKNOWN_ARGUMENT.error(
                argument.span, layer=call.name, name=argument.name, known="it takes numbers without names", hint=None
            )
    if not call.arguments:
        raise problems.MISSING_ARGUMENT.error(call.span, layer=call.name, what="a number", hint=None)
    return function([_number(argument.value, names) for argument in call.arguments])


def _bounded(expression: tree.Expression, value: Any) -> Any:
    """A result within bounds; a whole quotient as an integer."""
    if not _is_bounded(value):
        raise problems.ARITHMETIC.error(
            expression.span, expression=expression.span.text, reason="the result is not a number within 10^18"
        )
    if isinstance(value, Fraction) and value.denominator == 1:
        return value.numerator
    return value


def _is_bounded(value: Any) -> bool:
    if isinstance(value, Fraction):
        return max(abs(value.numerator), value.denominator) <= tree.MAX_NUMBER
    return not isinstance(value, complex) and abs(value) <= tree.MAX_NUMBER and isfinite(value)


def show(value: Any) -> str:
    """A value as the author would write it."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value}"'
        case tuple():
            return f"({', '.join(map(show, value))})"
        case _:
            return str(value)
