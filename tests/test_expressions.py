"""Expressions mean what they mean in Python, exactly, within bounds."""

import math
import re
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, strategies as st

from dcgan_compiler.diagnostics import Problem
from dcgan_compiler.expressions import Unknown, evaluate, show
from dcgan_compiler.problems import ARITHMETIC
from dcgan_compiler.source import Source
from dcgan_compiler.syntax.text_form import read_expression
from dcgan_compiler.syntax.tree import MAX_NUMBER

NAMES = {"width": 64, "half": Fraction(1, 2), "deep": True, "nothing": None}


def value(text: str, **names: Any) -> Any:
    return evaluate(read_expression(Source("test", text), text, range(len(text) + 1)), {**NAMES, **names})


def refused(text: str) -> str:
    with pytest.raises(Problem) as caught:
        value(text)
    return caught.value.diagnostic.message


def in_python(text: str) -> Any:
    """Python's value of the same text, with whole numbers as fractions."""
    return eval(re.sub(r"(?<![\d.])(\d+)(?![\d.])", r"Fraction(\1)", text), {"Fraction": Fraction})


def joined(operands: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from((" + ", " - ", " * ", " / ", " // ", " % ", "-", "*"))
    chain = st.builds(lambda a, o, b, p, c: f"{a}{o}{b}{p}{c}", operands, operators, operands, operators, operands)
    return (
        chain.map(lambda text: f"({text})") | chain.map(lambda text: f"-({text})") | operands.map("max({}, 3)".format)
    )


numbers = st.integers(0, 9).map(str) | st.sampled_from(("0.5", "2.5", "7.0"))
arithmetic = st.recursive(numbers, joined, max_leaves=9)


@given(arithmetic)
def test_arithmetic_is_that_of_python(text: str) -> None:
    try:
        expected = in_python(text)
    except ZeroDivisionError:
        assert "division by zero" in refused(text)
        return
    found = value(text)
    assert found == expected
    assert not (isinstance(found, Fraction) and found.denominator == 1), "a whole quotient is an integer"


@given(st.integers(-9, 9), st.integers(-9, 9))
def test_powers_are_exact(base: int, exponent: int) -> None:
    text = f"({base}) ** ({exponent})"
    if base == 0 and exponent < 0:
        assert "division by zero" in refused(text)
    else:
        assert value(text) == Fraction(base) ** exponent


@given(arithmetic, arithmetic, st.sampled_from(("==", "!=", "<", "<=", ">", ">=")))
def test_comparisons_are_those_of_python(left: str, right: str, operator: str) -> None:
    text = f"{left} {operator} {right}"
    try:
        expected = in_python(text)
    except ZeroDivisionError:
        return
    assert value(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 ** 2", 19),
        ("-2 ** 2", -4),
        ("2 ** 3 ** 2", 512),
        ("2 ** -1", Fraction(1, 2)),
        ("7 // 2 * 2", 6),
        ("-7 // 2", -4),
        ("-7 % 3", 2),
        ("width / 4", 16),
        ("width * half", 32),
        ("1 / 3 * 3", 1),
        ("min(width, 3, 2 * 2)", 3),
        ("max(half, 0.25)", Fraction(1, 2)),
        ("max(3)", 3),
        ("min(7, 3, 5)", 3),
        ("(width, (1, 2))", (64, (1, 2))),
        ("deep", True),
        ('"same"', "same"),
    ],
)
def test_values(text: str, expected: Any) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "text",
    [
        "10 ** 19",
        "2 ** 65",
        "(-8) ** 0.5",
        "10 ** 18 + 1",
        "1e18 * 1e18",
        "1e10 ** 2",
        "(10 ** 18) ** 64",
        "(1 / 10 ** 18) ** 64",
    ],
)
def test_results_have_a_bound(text: str) -> None:
    with pytest.raises(Problem) as caught:
        value(text)
    assert caught.value.diagnostic.kind is ARITHMETIC


def test_the_bound_is_inclusive() -> None:
    assert value("10 ** 18") == MAX_NUMBER
    assert value("-(10 ** 18)") == -MAX_NUMBER


@given(st.floats(allow_nan=False), st.floats(allow_nan=False), st.sampled_from("+ - * / // % **".split()))
def test_floats_never_crash(left: float, right: float, operator: str) -> None:
    names = {"a": left, "b": right}
    try:
        found = value(f"a {operator} b", **names)
    except Problem:
        return
    assert math.isfinite(found) and abs(found) <= MAX_NUMBER


@pytest.mark.parametrize("text", ["nothing + 1", "max(nothing, 1)", "(1, nothing)", "-nothing"])
def test_what_depends_on_an_unknown_value_is_unknown(text: str) -> None:
    with pytest.raises(Unknown):
        value(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("widht * 2", "`widht` is not defined here"),
        ("True", "`True` is not defined here"),
        ("deep + 1", "`deep` must be a number, not true"),
        ('"same" * 2', '`"same"` must be a number, not "same"'),
        ("sqrt(4)", "there is no function `sqrt`; the functions are min and max"),
        ("min()", "`min` needs a number"),
        ("min(a=3)", "`min` takes no argument `a`; it takes numbers without names"),
        ("width // (64 - width)", "width // (64 - width): division by zero (64 // 0)"),
    ],
)
def test_errors_say_what_is_wrong(text: str, message: str) -> None:
    assert refused(text) == message


@pytest.mark.parametrize(
    ("found", "text"), [(True, "true"), ("same", '"same"'), ((1, 0.5), "(1, 0.5)"), (Fraction(1, 3), "1/3")]
)
def test_values_are_shown_as_the_author_would_write_them(found: Any, text: str) -> None:
    assert show(found) == text
