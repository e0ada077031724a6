"""Random syntax trees: anything that the grammar can say, sense or not."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from dcgan_compiler.source import Source, Span
from dcgan_compiler.syntax import tree

SPAN = Span(Source("random tree", ""), 0, 0)
KEYWORDS = {"residual", "skip", "sum", "concat", "gate", "repeat", "true", "false", "at"}
STATEMENTS = {"param", "params", "input", "latent", "init", "classes", "condition"} | {
    "default",
    "block",
    "blocks",
    "train",
}

words = st.sampled_from(["a", "b", "width", "relu", "conv", "index", "stem", "_x9", "Same", "in_channels"])
identifiers = (words | st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True)).filter(
    lambda word: word not in KEYWORDS
)
section_names = identifiers.filter(lambda word: word not in STATEMENTS)
few = {"max_size": 3}
spans = st.just(SPAN)


def node(kind: type[tree.Node], *fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Nodes with these fields after the span; unlike those of `st.builds`, they are shown quickly when a test fails."""
    return st.tuples(*fields).map(lambda values: kind(SPAN, *values))


def _number(value: int | float) -> tree.Number:
    return tree.Number(SPAN, value, repr(value))


numbers = (st.integers(0, tree.MAX_NUMBER) | st.floats(0, tree.MAX_NUMBER)).map(_number)
texts = st.text(st.characters(exclude_characters='"\r\n', exclude_categories=["Cs"]), max_size=6)
atoms = (
    numbers
    | st.booleans().map(lambda value: tree.Boolean(SPAN, value))
    | (words | texts).map(lambda value: tree.Text(SPAN, value))
    | identifiers.map(lambda word: tree.Name(SPAN, word))
)


def _arguments(values: st.SearchStrategy[tree.Expression]) -> st.SearchStrategy[tuple[tree.Argument, ...]]:
    argument = node(tree.Argument, st.none() | identifiers, values)
    return st.lists(argument, **few).map(tuple)


def _larger(smaller: st.SearchStrategy[tree.Expression]) -> st.SearchStrategy[tree.Expression]:
    operators = st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "<", "<=", "==", "!=", ">", ">="])
    return (
        node(tree.Tuple, st.lists(smaller, min_size=1, **few).map(tuple))
        | node(tree.Unary, smaller)
        | node(tree.Binary, operators, smaller, smaller)
        | node(tree.Call, identifiers, _arguments(smaller), spans)
    )


expressions = st.recursive(atoms, _larger, max_leaves=6)
layers = node(tree.Call, identifiers, _arguments(expressions), spans)


def _bodies(links: st.SearchStrategy[tree.Link]) -> st.SearchStrategy[tree.Body]:
    line = node(tree.Line, st.none() | identifiers, st.lists(links, min_size=1, **few).map(tuple), spans)
    return node(tree.Body, st.lists(line, **few).map(tuple))


def _combinators(links: st.SearchStrategy[tree.Link]) -> st.SearchStrategy[tree.Link]:
    bodies = _bodies(links)
    branches = st.lists(bodies, min_size=1, **few).map(tuple)
    return (
        node(tree.Residual, bodies, st.none() | bodies)
        | node(tree.Branches, st.sampled_from(["sum", "concat"]), branches)
        | node(tree.Gate, bodies)
        | node(tree.Repeat, expressions, bodies)
    )


bodies = _bodies(st.recursive(layers, _combinators, max_leaves=6))

_options = node(tree.Option, identifiers, expressions, spans)


def _option_blocks(items: st.SearchStrategy[tree.Option | tree.At]) -> st.SearchStrategy[tree.Options]:
    return node(tree.Options, st.lists(items, max_size=4).map(tuple))


options = _option_blocks(
    st.recursive(
        _options,
        lambda items: node(tree.At, identifiers, _option_blocks(items), spans),
        max_leaves=6,
    )
)

_parameter = node(tree.MacroParameter, identifiers, st.none() | expressions)
_setting = st.sampled_from(["input", "latent", "init", "classes", "condition"])
statements = (
    node(tree.Param, identifiers, expressions, spans)
    | node(tree.Setting, _setting, expressions)
    | node(tree.Default, layers)
    | node(tree.Macro, identifiers, st.lists(_parameter, **few).map(tuple), bodies, spans)
    | node(tree.Section, section_names, bodies, spans)
    | node(tree.Mirror, section_names, options, spans)
    | node(tree.Train, options)
)

models = node(
    tree.Model,
    st.sampled_from(["gan", "vae", "autoencoder"]),
    identifiers,
    st.lists(statements, max_size=5).map(tuple),
    st.just(()),
    spans,
    spans,
)
