"""`dcganc show` on a terminal: the two halves beside each other, or one above the other where that is too wide."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from dcgan_compiler.ir import describe
from dcgan_compiler.report.summary import Block, Half, Summary

_GAP = 3
_UNLIMITED = 10_000
_UNITS = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))
_GLUE = "\ue000"  # a space at which nothing is wrapped, while rich lays out the table


def draw(summary: Summary, width: int | None = None) -> str:
    """The summary as text, in colours where standard output is a terminal; by default as wide as that."""
    console = Console(width=width, highlight=False)
    tables = [_table(half) for half in summary.halves]
    halves = _arranged(tables, console)
    with console.capture() as capture:
        console.print(_title(summary))
        console.print(halves)
    lines = capture.get().replace(_GLUE, " ").splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _arranged(tables: list[Table], console: Console) -> RenderableType:
    """The tables beside each other where both fit; each as wide as it would like to be, or gets."""
    unlimited = console.options.update(max_width=_UNLIMITED)
    left, right = (console.measure(table, options=unlimited) for table in tables)
    slack = console.width - _GAP - left.minimum - right.minimum
    if slack < 0:
        console.width = max(left.minimum, right.minimum, console.width)  # the terminal may break lines, rich cuts them
        return Group(tables[0], "", tables[1])
    tables[0].width = min(left.maximum, left.minimum + slack // 2)
    tables[1].width = min(right.maximum, console.width - _GAP - tables[0].width)
    grid = Table.grid(padding=(0, _GAP, 0, 0))
    grid.add_row(*tables)
    return grid


def _title(summary: Summary) -> Text:
    latent = "" if summary.latent is None else f", latent {summary.latent}"
    condition = f", {summary.condition.classes} classes ({summary.condition.method})" if summary.condition else ""
    return Text(
        f"{summary.kind} {summary.name}: input {describe(summary.input_shape)}{latent}{condition}\n", style="bold"
    )


def _table(half: Half) -> Table:
    """One half. A line that only reshapes has no name and no numbers; what it gives is part of the picture, though."""
    table = Table(
        Column("Block", footer="total"),
        Column("Layers"),
        Column("Output"),
        Column("Params", footer=f"{half.parameters:,}", justify="right"),
        Column("MACs", footer=_rounded(half.multiply_adds), justify="right"),
        title=f"{half.name}: {describe(half.in_shape)} -> {describe(half.out_shape)}",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        show_footer=True,
    )
    if any(block.mirrors for block in half.blocks):
        table.add_column("Mirrors")
    for block in half.blocks:
        table.add_row(*_cells(block)[: len(table.columns)])
    return table


def _cells(block: Block) -> list[Text]:
    cells = (
        block.name or "",
        " ".join(layer.replace(", ", f",{_GLUE}") for layer in block.layers),
        describe(block.out_shape).replace(" ", _GLUE),
        f"{block.parameters:,}" if block.parameters else "-",
        _rounded(block.multiply_adds) if block.multiply_adds else "-",
        block.mirrors or "",
    )
    return [Text(cell) for cell in cells]


def _rounded(count: int) -> str:
    """A number in three digits: `3.15M`."""
    for size, unit in _UNITS:
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return str(count)
