"""Syntax tree -> canonical text: equal trees, a fixed point, and no comment lost."""

from __future__ import annotations

import re
from textwrap import dedent

import pytest
from hypothesis import given, settings, strategies as st

from dcgan_compiler.source import Source
from dcgan_compiler.syntax import tree
from dcgan_compiler.syntax.expression import print_expression
from dcgan_compiler.syntax.parse import parse
from dcgan_compiler.syntax.printer import WIDTH, print_model
from tests.syntax.trees import models

TOKEN = re.compile(r'"[^"\n]*"|\'[^\'\n]*\'|\s+|\d*\.?\d+(?:e[+-]?\d+)?|\w+|->|\*\*|//|[<>=!]=|.')


def printed(text: str) -> str:
    return print_model(parse(Source("net.dgan", text)))


def in_body(lines: str) -> str:
    return f"gan Net {{\n    discriminator {{\n{lines}\n    }}\n}}\n"


def block(text: str) -> str:
    return dedent(text).strip() + "\n"


@settings(deadline=None)
@given(models)
def test_printing_and_parsing_give_the_tree_back(model: tree.Model) -> None:
    text = print_model(model)
    assert parse(Source("net.dgan", text)) == model
    assert printed(text) == text


@settings(deadline=None)
@given(models, st.data())
def test_no_comment_is_lost_wherever_it_stands(model: tree.Model, data: st.DataObject) -> None:
    tokens = TOKEN.findall(print_model(model))
    gaps = data.draw(st.lists(st.integers(0, len(tokens)), max_size=6, unique=True))
    breaks = data.draw(st.lists(st.sampled_from(["\n", "\n\n", "\n  \n\n"]), min_size=len(gaps), max_size=len(gaps)))
    comments = {gap: (f"# {number}", end) for number, (gap, end) in enumerate(zip(sorted(gaps), breaks, strict=True))}
    pieces = ["".join(comments.get(index, ())) + token for index, token in enumerate([*tokens, ""])]
    commented = parse(Source("net.dgan", "".join(pieces)))
    text = print_model(commented)
    assert commented == model
    assert [comment.text for comment in parse(Source("net.dgan", text)).comments] == [
        comment for comment, _ in comments.values()
    ]
    assert parse(Source("net.dgan", text)) == model
    assert printed(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "a - (b - c)",
        "a - b - c",
        "(a ** b) ** c",
        "a ** b ** c",
        "(-a) ** b",
        "-a ** b",
        "-(-a)",
        "2 ** -1",
        "-(a + b) * c",
        "a * (b // c)",
        "(a < b) == (c < d)",
        "f()",
        "max(1, 2, key=3)",
        "(1,)",
        "(1, (2, 3))",
        "'\"'",
        '"\'"',
        "2e-4 + 007 + .5",
    ],
)
def test_expressions_keep_only_the_parentheses_they_need(text: str) -> None:
    (param,) = parse(Source("net.dgan", f"gan Net {{ param a = (({text})) }}")).statements
    assert isinstance(param, tree.Param)
    assert print_expression(param.value) == text


def test_the_whole_style() -> None:
    messy = """
        # about the network


        gan Net{ # trailing
        param a=1;param b=(a*2)   # b
        # of c
        param c=3

        input(784)
        default conv(bias=false)
        default relu()
        # a macro
        block up(n,k=3){conv(n);relu}
        discriminator
        {
            stem:conv(64, # inside
              3)->relu

            residual{conv(64)
            }skip{conv(64,kernel_size=1)}->relu # after

            sum { branch { conv(1) } branch { } }


            # last in the body
        }
        generator mirror{}
        train{batch_size 64;at x{}}
        }
        # the end"""
    assert printed(messy) == block("""
        # about the network

        gan Net {  # trailing
            param a = 1
            param b = a * 2  # b
            # of c
            param c = 3

            input (784)

            default conv(bias=false)
            default relu()

            # a macro
            block up(n, k=3) {
                conv(n)
                relu
            }

            discriminator {
                # inside
                stem: conv(64, 3) -> relu

                residual {
                    conv(64)
                } skip { conv(64, kernel_size=1) } -> relu  # after

                sum { branch { conv(1) } branch {} }

                # last in the body
            }

            generator mirror

            train {
                batch_size 64
                at x {}
            }
        }
        # the end
    """)


def test_a_combinator_that_was_one_line_stays_one_while_it_fits() -> None:
    short = in_body("        residual { conv(64) -> relu } skip { conv(64, kernel_size=1) }")
    assert printed(short) == short
    layers = " -> ".join(["conv(640)"] * 7)
    assert printed(in_body(f"        gate {{ {layers} }}")) == in_body(
        f"        gate {{\n            {layers}\n        }}"
    )


def test_a_long_chain_breaks_before_the_arrow() -> None:
    text = printed(in_body(" -> ".join(["conv(64, kernel_size=3)", "batch_norm", "relu"] * 4)))
    first, second = text.splitlines()[2:4]
    assert len(first) <= WIDTH < len(first) + len(" -> batch_norm")
    assert second.startswith("            -> ")
    assert printed(text) == text


def test_comments_between_a_body_and_what_follows_it_stay_with_the_body() -> None:
    text = in_body("        residual {\n relu\n } # a\n skip # b\n {\n tanh\n } # c\n -> relu # d")
    assert printed(text) == in_body(
        "        residual {\n            relu\n            # a\n            # b\n        } skip {\n"
        "            tanh\n            # c\n        } -> relu  # d"
    )


@pytest.mark.parametrize("line_break", ["\r\n", "\r"])
def test_the_line_breaks_are_always_the_same(line_break: str) -> None:
    text = "gan Net {  # a\n    param a = 1\n\n    # b\n    param b = 2\n}\n"
    assert printed(text.replace("\n", line_break)) == text
