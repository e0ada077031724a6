"""Random syntax trees: anything that the grammar can say, sense or not."""

from __future__ import annotations

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


def _number(value: int | float) -> tree.Number:
    return tree.Number(SPAN, value, repr(value))


numbers = (st.integers(0, 10**18) | st.floats(min_value=0, allow_nan=False, allow_infinity=False)).map(_number)
texts = st.text(st.characters(exclude_characters='"\r\n', exclude_categories=["Cs"]), max_size=6)
atoms = (
    numbers
    | st.booleans().map(lambda value: tree.Boolean(SPAN, value))
    | (words | texts).map(lambda value: tree.Text(SPAN, value))
    | identifiers.map(lambda word: tree.Name(SPAN, word))
)


def _arguments(values: st.SearchStrategy[tree.Expression]) -> st.SearchStrategy[tuple[tree.Argument, ...]]:
    argument = st.builds(tree.Argument, st.just(SPAN), st.none() | identifiers, values)
    return st.lists(argument, **few).map(tuple)


def _larger(smaller: st.SearchStrategy[tree.Expression]) -> st.SearchStrategy[tree.Expression]:
    operators = st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "<", "<=", "==", "!=", ">", ">="])
    return (
        st.builds(tree.Tuple, st.just(SPAN), st.lists(smaller, min_size=1, **few).map(tuple))
        | st.builds(tree.Unary, st.just(SPAN), smaller)
        | st.builds(tree.Binary, st.just(SPAN), operators, smaller, smaller)
        | st.builds(tree.Call, st.just(SPAN), identifiers, _arguments(smaller), st.just(SPAN))
    )


expressions = st.recursive(atoms, _larger, max_leaves=6)
layers = st.builds(tree.Call, st.just(SPAN), identifiers, _arguments(expressions), st.just(SPAN))


def _bodies(links: st.SearchStrategy[tree.Link]) -> st.SearchStrategy[tree.Body]:
    line = st.builds(
        tree.Line, st.just(SPAN), st.none() | identifiers, st.lists(links, min_size=1, **few).map(tuple), st.just(SPAN)
    )
    return st.builds(tree.Body, st.just(SPAN), st.lists(line, **few).map(tuple))


def _combinators(links: st.SearchStrategy[tree.Link]) -> st.SearchStrategy[tree.Link]:
    bodies = _bodies(links)
    branches = st.lists(bodies, min_size=1, **few).map(tuple)
    return (
        st.builds(tree.Residual, st.just(SPAN), bodies, st.none() | bodies)
        | st.builds(tree.Branches, st.just(SPAN), st.sampled_from(["sum", "concat"]), branches)
        | st.builds(tree.Gate, st.just(SPAN), bodies)
        | st.builds(tree.Repeat, st.just(SPAN), expressions, bodies)
    )


bodies = _bodies(st.recursive(layers, _combinators, max_leaves=6))

_options = st.builds(tree.Option, st.just(SPAN), identifiers, expressions, st.just(SPAN))


def _option_blocks(items: st.SearchStrategy[tree.Option | tree.At]) -> st.SearchStrategy[tree.Options]:
    return st.builds(tree.Options, st.just(SPAN), st.lists(items, max_size=4).map(tuple))


options = _option_blocks(
    st.recursive(
        _options,
        lambda items: st.builds(tree.At, st.just(SPAN), identifiers, _option_blocks(items), st.just(SPAN)),
        max_leaves=6,
    )
)

_parameter = st.builds(tree.MacroParameter, st.just(SPAN), identifiers, st.none() | expressions)
_setting = st.sampled_from(["input", "latent", "init", "classes", "condition"])
statements = (
    st.builds(tree.Param, st.just(SPAN), identifiers, expressions, st.just(SPAN))
    | st.builds(tree.Setting, st.just(SPAN), _setting, expressions)
    | st.builds(tree.Default, st.just(SPAN), layers)
    | st.builds(tree.Macro, st.just(SPAN), identifiers, st.lists(_parameter, **few).map(tuple), bodies, st.just(SPAN))
    | st.builds(tree.Section, st.just(SPAN), section_names, bodies, st.just(SPAN))
    | st.builds(tree.Mirror, st.just(SPAN), section_names, options, st.just(SPAN))
    | st.builds(tree.Train, st.just(SPAN), options)
)

models = st.builds(
    tree.Model,
    st.just(SPAN),
    st.sampled_from(["gan", "vae", "autoencoder"]),
    identifiers,
    st.lists(statements, max_size=5).map(tuple),
    st.just(()),
    st.just(SPAN),
    st.just(SPAN),
)
