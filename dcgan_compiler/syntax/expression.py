"""Expressions as text, with no parentheses but those that are needed."""

from __future__ import annotations

from collections.abc import Sequence

from dcgan_compiler.syntax.tree import (
    Argument,
    Binary,
    Boolean,
    Call,
    Expression,
    Name,
    Number,
    Text,
    Tuple,
    Unary,
)

# How tightly an expression holds together, and what each operator asks of its operands.
_ANY, _SUM, _PRODUCT, _UNARY, _POWER, _ATOM = range(6)
_COMPARISONS = dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), (_ANY, _SUM, _SUM))
_OPERATORS = {
    **_COMPARISONS,
    **dict.fromkeys(("+", "-"), (_SUM, _SUM, _PRODUCT)),
    **dict.fromkeys(("*", "/", "//", "%"), (_PRODUCT, _PRODUCT, _UNARY)),
    "**": (_POWER, _ATOM, _UNARY),
}


def print_expression(expression: Expression, wanted: int = _ANY) -> str:
    """The text of an expression; in parentheses when it holds together less than `wanted`."""
    text, strength = _text(expression)
    return text if strength >= wanted else f"({text})"


def print_arguments(arguments: Sequence[Argument]) -> str:
    """The text between the parentheses of a call."""
    return ", ".join([_argument(argument) for argument in arguments])


def print_layer(call: Call) -> str:
    """A call that stands where a layer does: without arguments it is the bare name."""
    return f"{call.name}({print_arguments(call.arguments)})" if call.arguments else call.name


def _argument(argument: Argument) -> str:
    value = print_expression(argument.value)
    return value if argument.name is None else f"{argument.name}={value}"


def _text(expression: Expression) -> tuple[str, int]:
    match expression:
        case Number():
            return expression.spelling, _ATOM
        case Boolean():
            return "true" if expression.value else "false", _ATOM
        case Text():
            quote = "'" if '"' in expression.value else '"'
            return f"{quote}{expression.value}{quote}", _ATOM
        case Name():
            return expression.id, _ATOM
        case Call():
            return f"{expression.name}({print_arguments(expression.arguments)})", _ATOM
        case Tuple(items=(item,)):
            return f"({print_expression(item)},)", _ATOM
        case Tuple():
            return f"({', '.join([print_expression(item) for item in expression.items])})", _ATOM
        case Unary():
            return f"-{print_expression(expression.operand, _POWER)}", _UNARY
        case Binary():
            strength, left, right = _OPERATORS[expression.operator]
            operands = print_expression(expression.left, left), print_expression(expression.right, right)
            return f" {expression.operator} ".join(operands), strength
