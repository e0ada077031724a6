"""Syntax tree -> canonical text.

The text parses to an equal tree and is a fixed point: printed again it does not change. The author's order, comments
and single blank lines are kept; a comment that stands inside a line of text moves above that line.
"""

from __future__ import annotations

import re
from bisect import bisect_left

from dcgan_compiler.source import Span
from dcgan_compiler.syntax.expression import print_arguments, print_expression, print_layer
from dcgan_compiler.syntax.scan import is_json
from dcgan_compiler.syntax.tree import (
    At,
    Body,
    Branches,
    Call,
    Default,
    Gate,
    Line,
    Link,
    Macro,
    MacroParameter,
    Mirror,
    Model,
    Node,
    Options,
    Param,
    Repeat,
    Residual,
    Section,
    Setting,
    Statement,
    Train,
    Tuple,
)

WIDTH = 100
_INDENT = "    "
_TO_BRACE = re.compile(r"(?:[^#{]|#[^\r\n]*+)*+\{")
_TO_COMMENT = re.compile(r"[ \t\f;]*(?=#)")


def print_model(model: Model) -> str:
    """The canonical text of a model, with a final line break."""
    return _Printer(model).print()


class _Printer:
    """Writes lines from top to bottom and, on the way, the comments of the source up to the place it has reached.

    A tree that comes from JSON has no comments, and its spans say nothing about the layout of a text.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._source = model.span.source
        self._from_text = not is_json(self._source)
        self._comment_starts = [comment.span.start for comment in model.comments]
        self._pending = list(reversed(model.comments))
        self._lines: list[str] = []
        self._at_top = True  # nothing stands yet between the last `{` and here

    def print(self) -> str:
        """The whole text."""
        model = self._model
        self._write(0, f"{model.kind} {model.name} {{", model.span.start, self._after_brace(model.name_span.end))
        before: Statement | None = None
        for statement in model.statements:
            if before and not _in_one_group(before, statement):
                self._separate(statement.span.start)
            self._statement(statement)
            before = statement
        self._write(0, "}", None, model.span.end)
        self._flush(0, len(self._source.text))
        return "\n".join(self._lines) + "\n"

    # Statements

    def _statement(self, statement: Statement) -> None:
        match statement:
            case Param():
                self._leaf(1, f"param {statement.name} = {print_expression(statement.value)}", statement)
            case Setting():
                self._leaf(1, f"{statement.name} {_setting_value(statement)}", statement)
            case Default(call=call):
                self._leaf(1, f"default {call.name}({print_arguments(call.arguments)})", statement)
            case Macro():
                parameters = ", ".join([_parameter(parameter) for parameter in statement.parameters])
                self._section(f"block {statement.name}({parameters})", statement, statement.body)
            case Section():
                self._section(statement.name, statement, statement.body)
            case Mirror(options=options) if not options.items and not self._has_comment(options.span):
                self._leaf(1, f"{statement.name} mirror", statement)
            case Mirror():
                self._options(1, f"{statement.name} mirror", statement, statement.options)
            case Train():
                self._options(1, "train", statement, statement.options)

    def _section(self, header: str, statement: Node, body: Body) -> None:
        if self._is_empty(body):
            self._leaf(1, f"{header} {{}}", statement)
            return
        self._write(1, f"{header} {{", statement.span.start, body.span.start + 1)
        self._body(2, body)
        self._write(1, "}", None, statement.span.end)

    def _options(self, level: int, header: str, node: Node, options: Options) -> None:
        if not options.items and not self._has_comment(options.span):
            self._leaf(level, f"{header} {{}}", node)
            return
        self._write(level, f"{header} {{", node.span.start, options.span.start + 1)
        for item in options.items:
            if isinstance(item, At):
                self._options(level + 1, f"at {item.label}", item, item.options)
            else:
                self._leaf(level + 1, f"{item.name} {print_expression(item.value)}", item)
        self._write(level, "}", None, node.span.end)

    # Bodies

    def _body(self, level: int, body: Body) -> None:
        for line in body.lines:
            flat = self._flat_line(line)
            if flat is not None and _fits(level, flat):
                self._leaf(level, flat, line)
            else:
                self._long_line(level, line)

    def _long_line(self, level: int, line: Line) -> None:
        """A line over several lines of text: broken before `->` where it gets too long, and inside combinators."""
        rows = _Rows(level, f"{line.label}: " if line.label else "", line.span.start)
        for position, link in enumerate(line.chain):
            flat = self._flat_link(link)
            whole = flat if flat is not None and _fits(level + 1, f"-> {flat}") else None
            if position:
                rows.join(whole or f"{_keyword(link)} {{")
            if whole is not None:
                rows.add(whole)
            elif isinstance(link, Call):
                rows.add(print_layer(link))
            else:
                self._combinator(rows, link)
        self._write_rows(rows, line.span.end)

    def _combinator(self, rows: _Rows, link: Residual | Branches | Gate | Repeat) -> None:
        if isinstance(link, Branches):
            self._branches(rows, link)
            return
        rows.add(f"{_keyword(link)} ")
        self._braces(rows, link.body)
        if isinstance(link, Residual) and link.skip:
            rows.add(" skip ")
            self._braces(rows, link.skip)

    def _branches(self, rows: _Rows, link: Branches) -> None:
        rows.add(f"{link.kind} {{")
        self._write_rows(rows, self._after_brace(link.span.start))
        for branch in link.branches:
            inner = _Rows(rows.level + 1, "branch ", None)
            self._braces(inner, branch)
            self._write_rows(inner, branch.span.end)
        rows.restart()

    def _braces(self, rows: _Rows, body: Body) -> None:
        """A body after its keyword, on the same line of text where it was written so and fits."""
        flat = self._flat_body(body)
        if flat is not None and _fits(rows.level, rows.last + flat):
            rows.add(flat)
            return
        rows.add("{")
        self._write_rows(rows, body.span.start + 1)
        self._body(rows.level + 1, body)
        rows.restart()

    # Bodies on one line of text; None where that is not how they were written

    def _flat_line(self, line: Line) -> str | None:
        links = [self._flat_link(link) for link in line.chain]
        chain = " -> ".join([link for link in links if link is not None])
        label = f"{line.label}: " if line.label else ""
        return None if None in links else label + chain

    def _flat_link(self, link: Link) -> str | None:
        if isinstance(link, Call):
            return print_layer(link)
        if isinstance(link, Branches):
            branches = [self._flat_body(branch) for branch in link.branches]
            text = " ".join([f"branch {branch}" for branch in branches])
            return f"{link.kind} {{ {text} }}" if None not in branches and self._was_flat(link.span) else None
        flat = self._flat_body(link.body)
        skip = self._flat_body(link.skip) if isinstance(link, Residual) and link.skip else ""
        if flat is None or skip is None:
            return None
        return f"{_keyword(link)} {flat} skip {skip}" if skip else f"{_keyword(link)} {flat}"

    def _flat_body(self, body: Body) -> str | None:
        if self._is_empty(body):
            return "{}"
        if len(body.lines) != 1 or not self._was_flat(body.span):
            return None
        line = self._flat_line(body.lines[0])
        return None if line is None else f"{{ {line} }}"

    def _was_flat(self, span: Span) -> bool:
        return not self._from_text or span.line == span.last_line

    def _is_empty(self, body: Body) -> bool:
        return not body.lines and not self._has_comment(body.span)

    # Lines of text, blank lines and comments

    def _leaf(self, level: int, text: str, node: Node) -> None:
        self._write(level, text, node.span.start, node.span.end)

    def _write(self, level: int, text: str, start: int | None, end: int) -> None:
        self._write_rows(_Rows(level, text, start), end)

    def _write_rows(self, rows: _Rows, end: int) -> None:
        """Rows whose source ends at `end`, below the comments up to there; the comment after them goes to the last."""
        level = rows.rows[0][0] + rows.closes_body
        if rows.start is not None:
            self._flush(level, rows.start)
            self._keep_blank(rows.start)
        self._flush(level, end)
        self._lines += [_INDENT * row_level + text for row_level, text in rows.rows]
        self._at_top = rows.last.endswith("{")
        gap = _TO_COMMENT.match(self._source.text, end) if self._pending else None
        if gap and self._pending[-1].span.start == gap.end():
            self._lines[-1] += f"  {self._pending.pop().text.rstrip()}"

    def _flush(self, level: int, end: int) -> None:
        """The comments that start before `end`, each on a line of its own."""
        while self._pending and self._pending[-1].span.start < end:
            comment = self._pending.pop()
            self._keep_blank(comment.span.start)
            self._lines.append(_INDENT * level + comment.text.rstrip())
            self._at_top = False

    def _separate(self, start: int) -> None:
        """A blank line before a statement and its comments, unless the author has one among them."""
        leading = [comment.span.start for comment in self._pending if comment.span.start < start]
        if not any(self._has_blank_above(offset) for offset in (*leading, start)):
            self._lines.append("")

    def _keep_blank(self, offset: int) -> None:
        if not self._at_top and self._lines[-1] and self._has_blank_above(offset):
            self._lines.append("")

    def _has_blank_above(self, offset: int) -> bool:
        """Whether what starts at an offset is the first on its line and the author left the line above it blank."""
        line = self._source.line_number(offset)
        if not self._from_text or line == 1:
            return False
        is_first = not self._source.text[self._source.line_start(line) : offset].strip()
        return is_first and not self._source.line_text(line - 1).strip()

    def _has_comment(self, span: Span) -> bool:
        starts = self._comment_starts
        return bisect_left(starts, span.start) != bisect_left(starts, span.end)

    def _after_brace(self, offset: int) -> int:
        """The offset after the next `{`; only comments make it matter where that is."""
        brace = _TO_BRACE.match(self._source.text, offset) if self._comment_starts else None
        return brace.end() if brace else offset


class _Rows:
    """Lines of text that stand together, with no comment between them: a chain and its continuation.

    `start` is the place in the source of what begins here, None where it is the rest of something.
    """

    def __init__(self, level: int, text: str, start: int | None) -> None:
        self.rows = [(level, text)]
        self.start = start
        self._first_level = level

    @property
    def level(self) -> int:
        return self.rows[-1][0]

    @property
    def last(self) -> str:
        return self.rows[-1][1]

    @property
    def closes_body(self) -> bool:
        return self.rows[0][1].startswith("}")

    def add(self, text: str) -> None:
        """Continue the last row."""
        self.rows[-1] = (self.level, self.last + text)

    def join(self, text: str) -> None:
        """Continue with `->`, in a new row if `text` does not fit on this one."""
        if _fits(self.level, f"{self.last} -> {text}"):
            self.add(" -> ")
        else:
            self.rows.append((self._first_level + 1, "-> "))

    def restart(self) -> None:
        """Go on after a body that has been written."""
        self.rows = [(self.level, "}")]
        self.start = None


def _keyword(link: Link) -> str:
    """How a link starts, up to its brace."""
    match link:
        case Residual():
            return "residual"
        case Gate():
            return "gate"
        case Repeat():
            return f"repeat {print_expression(link.count)}"
        case Branches():
            return link.kind
        case Call():
            return print_layer(link)


def _fits(level: int, text: str) -> bool:
    return len(_INDENT) * level + len(text) <= WIDTH


def _in_one_group(before: Statement, after: Statement) -> bool:
    """Whether two statements stand under each other without a blank line: numbers and settings, or defaults."""
    return any(isinstance(before, group) and isinstance(after, group) for group in ((Param, Setting), Default))


def _setting_value(setting: Setting) -> str:
    value = print_expression(setting.value)
    is_shape = setting.name == "input" and not isinstance(setting.value, Tuple)
    return f"({value})" if is_shape else value


def _parameter(parameter: MacroParameter) -> str:
    return parameter.name if parameter.default is None else f"{parameter.name}={print_expression(parameter.default)}"
