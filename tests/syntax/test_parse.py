"""Text -> syntax tree: the tree, the spans, the wording of every syntax error, and inputs that mean harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcgan_compiler.diagnostics import DescriptionError, render_all
from dcgan_compiler.source import Source
from dcgan_compiler.syntax import tree
from dcgan_compiler.syntax.parse import parse

ERRORS = sorted((Path(__file__).parent / "errors").glob("*.txt"))


def model(text: str) -> tree.Model:
    return parse(Source("net.dgan", text))


def body(text: str) -> tree.Body:
    (section,) = model(f"gan Net {{ discriminator {{\n{text}\n}} }}").statements
    assert isinstance(section, tree.Section)
    return section.body


def value(text: str) -> tree.Expression:
    (param,) = model(f"gan Net {{ param a = {text} }}").statements
    assert isinstance(param, tree.Param)
    return param.value


def codes(text: str) -> list[str]:
    with pytest.raises(DescriptionError) as caught:
        model(text)
    return [diagnostic.kind.code for diagnostic in caught.value.diagnostics]


@pytest.mark.parametrize("path", ERRORS, ids=lambda path: path.stem)
def test_errors_are_shown_as_pinned(path: Path) -> None:
    text, _, expected = path.read_text(encoding="utf-8").partition("# output\n")
    name = "net.json" if path.stem.startswith("json_") else "net.dgan"
    with pytest.raises(DescriptionError) as caught:
        parse(Source(name, text))
    assert render_all(caught.value.diagnostics) + "\n" == expected


def test_a_layer_without_arguments_is_a_call() -> None:
    (line,) = body("stem: conv(64, stride=2) -> relu").lines
    assert line.label == "stem" and line.label_span and line.label_span.text == "stem"
    conv, relu = line.chain
    assert isinstance(conv, tree.Call) and [argument.name for argument in conv.arguments] == [None, "stride"]
    assert isinstance(relu, tree.Call) and (relu.name, relu.arguments) == ("relu", ())
    assert conv.span.text == "conv(64, stride=2)" and conv.name_span.text == "conv"


def test_an_option_is_a_bare_word() -> None:
    (mirror,) = model("gan Net { generator mirror { norm batch_norm } }").statements
    assert isinstance(mirror, tree.Mirror)
    (option,) = mirror.options.items
    assert isinstance(option, tree.Option) and isinstance(option.value, tree.Name)
    assert option.span.text == "norm batch_norm"


def test_a_mirror_may_stand_without_options() -> None:
    assert model("gan Net { generator mirror }") == model("gan Net { generator mirror { } }")


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("1 - 2 - 3", "(1 - 2) - 3"),
        ("2 ** 3 ** 2", "2 ** (3 ** 2)"),
        ("-2 ** 2", "-(2 ** 2)"),
        ("2 ** -1 * 3", "(2 ** (-1)) * 3"),
        ("1 + 2 * 3 < 4 % 5 // 6", "(1 + (2 * 3)) < ((4 % 5) // 6)"),
        ("(a)", "a"),
    ],
)
def test_precedence(text: str, grouped: str) -> None:
    assert value(text) == value(grouped)


def test_numbers_keep_kind_and_spelling() -> None:
    assert [value(text).value for text in ("007", "2e-4", "5.", ".5", "10e2")] == [7, 2e-4, 5.0, 0.5, 1000.0]
    assert isinstance(value("1e3").value, float) and isinstance(value("1000000000000000000").value, int)
    assert value("2e-4").spelling == "2e-4"


def test_keywords_are_names_where_nothing_else_may_stand() -> None:
    text = "gan gan { param default = 1; param at = 2; block sum(block, at) { f(sum=default) } }"
    assert [statement.name for statement in model(text).statements] == ["default", "at", "sum"]


def test_comments_keep_their_places() -> None:
    found = model('# first\ngan Net { # second\n param a = "#" ; # third\n}').comments
    assert [(comment.text, comment.span.line) for comment in found] == [("# first", 1), ("# second", 2), ("# third", 3)]


@pytest.mark.parametrize("line_break", ["\r\n", "\r", "\n", ";"])
def test_every_line_break_separates(line_break: str) -> None:
    assert len(body(f"relu{line_break}tanh").lines) == 2


def test_a_byte_order_mark_is_skipped_and_counted() -> None:
    found = model("\ufeffgan Net { latent 3 }")
    assert found.span.start == 1 and found.name_span.text == "Net"


def test_equal_trees_are_made_of_plain_strings() -> None:
    found = model("gan Net { param a = b }")
    assert type(found.kind) is type(found.name) is type(found.statements[0].name) is str


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff", "# only this", "\t\r\n# c\r"])
def test_an_empty_file_is_reported(text: str) -> None:
    assert codes(text) == ["DG007"]


def test_the_limits_are_reached() -> None:
    assert value("(" * 63 + "1" + ")" * 63) == value("1")
    assert value("1" + "+1" * 199 + "  # " + "c" * 500 + "\n").span
    assert codes("gan Net { param a = 1" + "+1" * 200 + " }") == ["DG004"]
    assert codes("gan Net { param a = f(f(" + "1+" * 200 + "1), 2) }") == ["DG004"]


def test_no_more_than_twenty_errors_are_looked_for() -> None:
    assert codes("gan Net {\n" + "param a 1\nparam b = 2\n" * 50 + "}") == ["DG001"] * 20


HOSTILE = {
    "parentheses": "gan Net { param a = " + "(" * 100_000,
    "braces": "gan Net " + "{" * 100_000,
    "closing": "gan Net " + "}" * 100_000,
    "residuals": "gan Net { d { " + "residual { " * 100_000,
    "minus": "gan Net { param a = " + "-" * 100_000 + "1 }",
    "sum": "gan Net { param a = 1" + "+1" * 20_000 + " }",
    "power": "gan Net { param a = 1" + "**1" * 20_000 + " }",
    "digits": "gan Net { param a = " + "9" * 100_000 + " }",
    "exponent": "gan Net { param a = 1e" + "9" * 100_000 + " }",
    "name only": "a" * 1_000_000,
    "quotes": "gan Net { param a = " + '"' * 100_001,
    "nul": "\0",
    "nul inside": "gan Net { \0 }",
    "surrogate": "gan \ud800",
    "separators": "gan\u2028Net\u2029{\x0b\x1c}",
    "blank": "\u00a0gan Net { }",
    "json brackets": "[" * 100_000,
    "json objects": '{"a":' * 100_000,
    "json deep value": '{"gan": "Net", "latent": ' + "[" * 200 + "1" + "]" * 200 + "}",
    "json deep body": '{"gan": "Net", "d": ' + '[[{"gate": ' * 80 + "[]" + "}]]" * 80 + "}",
    "json digits": '{"gan": "Net", "latent": ' + "9" * 100_000 + "}",
    "json string": '{"gan": "Net", "latent": "' + "(" * 100_000 + '"}',
    "json wide": '{"gan": "Net", "latent": [' + "1," * 50_000 + "1]}",
    "json scalar": "[1]",
    "json nothing": "[]",
    "json open string": '{"gan": "' + "a" * 100_000,
    "json surrogate": '{"gan": "Net", "latent": "\ud800"}',
    "json null": '{"gan": null}',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_input_is_a_diagnostic(text: str) -> None:
    assert codes(text)
