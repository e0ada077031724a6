"""Lark's parse tree -> syntax tree, with the checks that the grammar leaves to it: layout, lengths, large numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lark import Token, Tree, v_args
from lark.tree import Meta
from lark.visitors import Transformer_NonRecursive

from dcgan_compiler.diagnostics import DescriptionError, Diagnostic, in_source_order
from dcgan_compiler.problems import EXPRESSION_TOO_LONG, NUMBER_TOO_LARGE, SAME_LINE, UNEXPECTED
from dcgan_compiler.source import Source, Span
from dcgan_compiler.syntax import tree
from dcgan_compiler.syntax.json_names import IN_TEXT, NOT_AN_OPTION
from dcgan_compiler.syntax.scan import code_only

MAX_EXPRESSION_LENGTH = 400  # an expression is evaluated by recursion
_MAX_SHOWN_DIGITS = 24
_LINE_END = re.compile(r"[\r\n;]")
_FIRST_WORD = re.compile(r"\w+")


def number_value(spelling: str) -> int | float | None:
    """The value of a literal without sign, or None when it is out of range."""
    digits = spelling.lstrip("0") or "0"
    if not digits.isdigit():
        value: int | float = float(spelling)
    elif len(digits) <= len(str(tree.MAX_NUMBER)):
        value = int(digits)
    else:
        return None
    return value if value <= tree.MAX_NUMBER else None


def number_too_large(spelling: str, span: Span) -> Diagnostic:
    """The problem of a literal whose `number_value` is None."""
    shown = spelling if len(spelling) <= _MAX_SHOWN_DIGITS else f"{spelling[:_MAX_SHOWN_DIGITS]}..."
    return NUMBER_TOO_LARGE.at(span, number=shown)


def written_length(text: str) -> int:
    """The length of an expression; blanks, line breaks and comments do not count."""
    return len("".join(code_only(text).split()))


def build(parsed: Tree[Token], source: Source, offsets: Sequence[int]) -> Any:
    """The node that a parse tree stands for; raises DescriptionError.

    `offsets[i]` is the place in the source of character i of the parsed text: a range, but for a JSON string with
    escapes.
    """
    builder = _TreeBuilder(source, offsets)
    node = builder.transform(parsed)
    if builder.problems:
        raise DescriptionError(in_source_order(builder.problems))
    return node


@v_args(meta=True, inline=True)
class _TreeBuilder(Transformer_NonRecursive[Token, Any]):
    """One method per rule or alias of `grammar/dgan.lark`; what is wrong is collected in `problems`."""

    def __init__(self, source: Source, offsets: Sequence[int]) -> None:
        super().__init__(visit_tokens=False)
        self._source = source
        self._offsets = offsets
        self.problems: list[Diagnostic] = []

    # Statements

    def start(self, meta: Meta, kind: Token, name: Token, *statements: tree.Statement) -> tree.Model:
        self._check_layout(statements)
        return tree.Model(self._span(meta), str(kind), str(name), statements, (), self._span(kind), self._span(name))

    def param(self, meta: Meta, name: Token, value: tree.Expression) -> tree.Param:
        return tree.Param(self._span(meta), str(name), self._checked(value), self._span(name))

    def setting(self, meta: Meta, name: Token, value: tree.Expression) -> tree.Setting:
        return tree.Setting(self._span(meta), str(name), self._checked(value))

    def default(self, meta: Meta, name: Token, arguments: Sequence[tree.Argument]) -> tree.Default:
        self._check_not_skip(name)
        call = tree.Call(self._stretch(name, meta), str(name), tuple(arguments), self._span(name))
        return tree.Default(self._span(meta), call)

    def macro(
        self, meta: Meta, name: Token, parameters: tuple[tree.MacroParameter, ...] | None, body: tree.Body
    ) -> tree.Macro:
        return tree.Macro(self._span(meta), str(name), parameters or (), body, self._span(name))

    def parameters(self, _: Meta, *parameters: tree.MacroParameter) -> tuple[tree.MacroParameter, ...]:
        return parameters

    def parameter(self, meta: Meta, name: Token, default: tree.Expression | None) -> tree.MacroParameter:
        return tree.MacroParameter(self._span(meta), str(name), default and self._checked(default))

    def train(self, meta: Meta, options: tree.Options) -> tree.Train:
        return tree.Train(self._span(meta), options)

    def section(self, meta: Meta, name: Token, body: tree.Body) -> tree.Section:
        self._check_section(name)
        return tree.Section(self._span(meta), str(name), body, self._span(name))

    def mirror(self, meta: Meta, name: Token, options: tree.Options | None = None) -> tree.Mirror:
        self._check_section(name)
        span = self._span(meta)
        nothing = tree.Options(Span(self._source, span.end, span.end), ())
        return tree.Mirror(span, name, options or nothing, self._span(name))

    # Bodies

    def body(self, meta: Meta, *lines: tree.Line) -> tree.Body:
        self._check_layout(lines)
        return tree.Body(self._span(meta), lines)

    def line(self, meta: Meta, label: Token | None, *chain: tree.Link) -> tree.Line:
        if label is None:
            return tree.Line(self._span(meta), None, chain, None)
        self._check_not_skip(label)
        return tree.Line(self._span(meta), str(label), chain, self._span(label))

    def residual(self, meta: Meta, body: tree.Body, skip: tree.Body | None) -> tree.Residual:
        return tree.Residual(self._span(meta), body, skip)

    def branches(self, meta: Meta, kind: Token, *branches: tree.Body) -> tree.Branches:
        return tree.Branches(self._span(meta), str(kind), branches)

    def gate(self, meta: Meta, body: tree.Body) -> tree.Gate:
        return tree.Gate(self._span(meta), body)

    def repeat(self, meta: Meta, count: tree.Expression, body: tree.Body) -> tree.Repeat:
        return tree.Repeat(self._span(meta), self._checked(count), body)

    def layer(self, meta: Meta, name: Token, arguments: Sequence[tree.Argument] = ()) -> tree.Call:
        self._check_not_skip(name)
        return self.call(meta, name, arguments)

    # Options

    def options(self, meta: Meta, *items: tree.Option | tree.At) -> tree.Options:
        self._check_layout(items)
        return tree.Options(self._span(meta), items)

    def option(self, meta: Meta, name: Token, value: tree.Expression) -> tree.Option:
        if name in NOT_AN_OPTION:
            hint = "this is a statement: it stands outside of the braces"
            self.problems.append(UNEXPECTED.at(self._span(name), expected="an option", found=f"`{name}`", hint=hint))
        return tree.Option(self._span(meta), str(name), self._checked(value), self._span(name))

    def at(self, meta: Meta, label: Token, options: tree.Options) -> tree.At:
        return tree.At(self._span(meta), str(label), options, self._span(label))

    # Expressions

    def binary(self, meta: Meta, left: tree.Expression, operator: Token, right: tree.Expression) -> tree.Binary:
        return tree.Binary(self._span(meta), str(operator), left, right)

    def negative(self, meta: Meta, operand: tree.Expression) -> tree.Unary:
        return tree.Unary(self._span(meta), operand)

    def number(self, meta: Meta, spelling: Token) -> tree.Number:
        span = self._span(meta)
        value = number_value(spelling)
        if value is None:
            self.problems.append(number_too_large(spelling, span))
            return tree.Number(span, 0, str(spelling))
        return tree.Number(span, value, str(spelling))

    def text(self, meta: Meta, quoted: Token) -> tree.Text:
        return tree.Text(self._span(meta), quoted[1:-1])

    def true(self, meta: Meta) -> tree.Boolean:
        return tree.Boolean(self._span(meta), True)

    def false(self, meta: Meta) -> tree.Boolean:
        return tree.Boolean(self._span(meta), False)

    def name(self, meta: Meta, name: Token) -> tree.Name:
        return tree.Name(self._span(meta), str(name))

    def call(self, meta: Meta, name: Token, arguments: Sequence[tree.Argument]) -> tree.Call:
        return tree.Call(self._span(meta), str(name), tuple(arguments), self._span(name))

    def parenthesised(self, _: Meta, expression: tree.Expression) -> tree.Expression:
        return expression

    def tuple_of(self, meta: Meta, *items: tree.Expression) -> tree.Tuple:
        return tree.Tuple(self._span(meta), items)

    def arguments(self, _: Meta, *arguments: tree.Argument) -> tuple[tree.Argument, ...]:
        return arguments

    def argument(self, meta: Meta, name: Token | None, value: tree.Expression) -> tree.Argument:
        return tree.Argument(self._span(meta), name and str(name), self._checked(value))

    # Spans and checks

    def _span(self, place: Meta | Token) -> Span:
        return self._stretch(place, place)

    def _stretch(self, first: Meta | Token, last: Meta | Token) -> Span:
        start, end = first.start_pos, last.end_pos
        assert start is not None and end is not None, "lark gives every rule that is not empty a place"
        return Span(self._source, self._offsets[start], self._offsets[end])

    def _checked(self, expression: tree.Expression) -> tree.Expression:
        """The expression; one that is too long is reported, unless something inside it was."""
        span = expression.span
        if span.end - span.start <= MAX_EXPRESSION_LENGTH:
            return expression
        length = written_length(span.text)
        reported = any(problem.span and problem.span.start >= span.start for problem in self.problems)
        if length > MAX_EXPRESSION_LENGTH and not reported:
            self.problems.append(EXPRESSION_TOO_LONG.at(span, limit=MAX_EXPRESSION_LENGTH, length=length))
        return expression

    def _check_layout(self, nodes: Sequence[tree.Node]) -> None:
        """Neighbours in a body stand on lines of their own, or have a `;` between them."""
        text = self._source.text
        for before, after in zip(nodes, nodes[1:], strict=False):
            start = after.span.start
            if _LINE_END.search(text, before.span.end, start):
                continue
            word = _FIRST_WORD.match(text, start)
            assert word, "statements, lines and options start with a word"
            self.problems.append(SAME_LINE.at(Span(self._source, start, word.end()), second=word.group()))

    def _check_section(self, name: Token) -> None:
        """What JSON has under one key is no section of a text."""
        if name in IN_TEXT:
            hint = f"write each as {IN_TEXT[name]}"
            self.problems.append(UNEXPECTED.at(self._span(name), expected="a section", found=f"`{name}`", hint=hint))

    def _check_not_skip(self, name: Token) -> None:
        """After a `residual` the grammar takes `skip` for its second half, so it can not name a layer."""
        if name == "skip":
            hint = "`skip { ... }` follows the `}` of a `residual`"
            self.problems.append(UNEXPECTED.at(self._span(name), expected="a layer", found="`skip`", hint=hint))
