"""Random descriptions, as text, over the whole language: the input of the property tests.

`programs()` draws whole descriptions: most of them are accepted by the compiler, some are damaged on purpose. A body is
written layer by layer, with the shape that arrives in mind; arguments are drawn from what their `Check` accepts, so
that a new layer of the vocabulary takes part at once. `calls(definition, shape)` draws one layer, `linear_programs()`
draws networks of nothing but linear operators.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import gcd, prod
from typing import Any

from hypothesis import strategies as st

from dcgan_compiler.binding import bind
from dcgan_compiler.diagnostics import Problem
from dcgan_compiler.expressions import show
from dcgan_compiler.ir import Layer, Shape
from dcgan_compiler.kinds import INITS, KINDS, Kind
from dcgan_compiler.layers import VOCABULARY, place
from dcgan_compiler.layers.definition import ACTIVATION, NORM, OPERATOR, Draft, LayerDef, Parameter
from dcgan_compiler.source import Source
from dcgan_compiler.syntax import tree
from dcgan_compiler.syntax.text_form import read_expression
from dcgan_compiler.training import LOSSES, OPTIMIZERS, SETTINGS

Draw = Callable[[st.SearchStrategy[Any]], Any]

RANKS = (0, 1, 2, 3)
_LARGEST = {0: (12,), 1: (4, 40), 2: (4, 20, 20), 3: (3, 9, 9, 9)}
_MAX_VALUES = 20_000
_MAX_DEPTH = 2
_ATTEMPTS = 8


def shapes(rank: int) -> st.SearchStrategy[Shape]:
    """Input shapes with `rank` spatial axes, small enough for torch to be fast."""
    return st.tuples(*(st.integers(1, largest) for largest in _LARGEST[rank]))


# One layer


def call(text: str) -> tree.Call:
    """`name(arguments)` as a syntax tree."""
    expression = read_expression(Source("call", text), text, range(len(text) + 1))
    assert isinstance(expression, tree.Call)
    return expression


def placed(text: str, in_shape: Shape, names: Mapping[str, Any] | None = None, defaults: Any = None) -> list[Layer]:
    """The layers that a call stands for on an input; raises `Problem`."""
    written = call(text)
    definition = VOCABULARY[written.name]
    definition.check_rank(in_shape)
    visible = {**(names or {}), "in_channels": in_shape[0]}
    arguments, wrong = bind(definition, written, visible, len(in_shape) - 1, defaults, visible)
    if arguments is None:
        raise wrong[0]
    return place(Draft(definition.name, arguments), in_shape, written.span)


@st.composite
def calls(
    draw: Draw, definition: LayerDef, in_shape: Shape, given: Iterable[str] = (), without: Iterable[str] = ()
) -> str:
    """A call of a layer whose arguments are of the right type; mostly they fit on the input.

    Arguments `given` by a `default` statement are left out most of the time, those in `without` always.
    """
    written = []
    positional = True
    left_out = {*draw(st.sampled_from(_EXCLUSIVE)), *without}
    for parameter in definition.parameters:
        optional = not parameter.required or parameter.name in given
        excluded = parameter.name in left_out and not parameter.required
        if excluded or (optional and parameter.name not in _WANTED and draw(st.integers(0, 2))):
            positional = False
            continue
        value = spelled(draw(_values(parameter, in_shape)))
        positional = positional and draw(st.booleans())
        written.append(value if positional else f"{parameter.name}={value}")
    return f"{definition.name}({', '.join(written)})"


_EXCLUSIVE = (("size", "spectral_norm"), ("scale_factor", "weight_norm"))
_WANTED = {"size", "scale_factor", "reduction"}
_CANDIDATES = (1, 2, 3, 0, 0.5, 0.25, 1e-3, True, False)


def spelled(value: Any) -> str:
    """A value as the text form writes it."""
    return f"({spelled(value[0])},)" if isinstance(value, tuple) and len(value) == 1 else show(value)


def _values(parameter: Parameter, in_shape: Shape) -> st.SearchStrategy[Any]:
    """Values of the right type; those of a few parameters depend on the shape that arrives."""
    check, rank = parameter.check, len(in_shape) - 1
    fitting = _FITTING.get(parameter.name)
    if parameter.name in _SIZES and check.per_axis and rank:
        return st.tuples(*(st.integers(1, max(1, n + _SIZES[parameter.name])) for n in in_shape[1:]))
    candidates = fitting(in_shape) if fitting else [v for v in _CANDIDATES if check.convert(v) is not None]
    one = st.sampled_from([*candidates, *check.words])
    return one | st.tuples(*[st.sampled_from(candidates)] * rank) if check.per_axis and rank else one


def _divisors(shape: Shape) -> list[int]:
    return [n for n in range(1, shape[0] + 1) if shape[0] % n == 0]


def _unflattened(shape: Shape) -> list[Shape]:
    split = [(shape[0] // n, n) for n in _divisors(shape)]
    return [*split, *((c, 1, n) for c, n in split), *((c, n, 1, 1) for c, n in split)]


_SIZES = {"size": 3, "output_size": 0}
_FITTING: dict[str, Callable[[Shape], list[Any]]] = {
    "out_channels": lambda shape: [1, 2, 3, 4, 6, shape[0]],
    "out_features": lambda shape: [1, 2, 5, 8],
    "size": lambda shape: [1, 2, 5],
    "kernel_size": lambda shape: [1, 2, 3, 4, 5][: max(1, min(shape[1:]))],
    "stride": lambda shape: [1, 2, 3],
    "dilation": lambda shape: [1, 2],
    "groups": _divisors,
    "num_groups": _divisors,
    "reduction": _divisors,
    "heads": lambda shape: [1, 2],
    "group_size": lambda shape: [1, 2, 4],
    "num_parameters": lambda shape: [1, shape[0]],
    "unflattened_size": _unflattened,
    "upscale_factor": lambda shape: [n for n in (1, 2) if shape[0] % n**2 == 0],
    "downscale_factor": lambda shape: [n for n in (1, 2, 3, 4) if gcd(*shape[1:]) % n == 0],
    "scale_factor": lambda shape: [1, 2, 1.5, 0.5],
}


# Whole descriptions


@dataclass
class _Writer:
    """Writes bodies line by line; `macros` are the texts of the blocks that they call.

    A `linear` one writes nothing but linear operators with an exact transpose.
    """

    draw: Draw
    params: dict[str, int] = field(default_factory=dict)
    defaults: dict[str, dict[str, tree.Argument]] = field(default_factory=dict)
    linear: bool = False
    macros: list[str] = field(default_factory=list)
    known: dict[tuple[str, Shape], Shape] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)

    def chance(self, percent: int) -> bool:
        """True about `percent` times in a hundred, and false in the simplest example."""
        return bool(self.draw(st.integers(0, 99)) >= 100 - percent)

    def pick(self, items: Any) -> Any:
        """One of some items."""
        return self.draw(st.sampled_from(list(items)))

    def body(self, shape: Shape, lines: int, depth: int = 0) -> tuple[str, Shape]:
        """Lines in braces, and the shape at their end."""
        written = []
        for _ in range(lines):
            text, shape = self.line(shape, depth)
            written.append(text)
        return "{\n" + "\n".join(written) + "\n}", shape

    def line(self, shape: Shape, depth: int) -> tuple[str, Shape]:
        """A chain of links, mostly with an operator in front, sometimes with a label."""
        links = []
        for number in range(self.pick((1, 2, 2, 3))):
            text, shape = self.link(shape, depth, operator=not number)
            links.append(text)
        label = ""
        if self.chance(15):
            label = f"line{len(self.labels)}: "
            self.labels.append(label[:-2])
        return label + " -> ".join(links), shape

    def link(self, shape: Shape, depth: int, operator: bool) -> tuple[str, Shape]:
        """One layer, block or combinator."""
        if depth < _MAX_DEPTH and operator and self.chance(25):
            others = () if self.linear else (self.gate, self.repeat, self.macro)
            return self.pick((self.residual, self.branches, *others))(shape, depth + 1)
        role = OPERATOR if self.linear or (operator and not self.chance(15)) else None
        return self.layer(shape, role)

    def layer(self, shape: Shape, role: str | None) -> tuple[str, Shape]:
        """A layer that fits on the shape; `identity` where none is found."""
        names = _LINEAR if self.linear else VOCABULARY
        without = _NOT_LINEAR if self.linear else ()
        fitting = [VOCABULARY[name] for name in names if len(shape) - 1 in VOCABULARY[name].ranks]
        roles = [role] if role else sorted({definition.role for definition in fitting})
        for _ in range(_ATTEMPTS):
            wanted = self.pick(roles)
            definition = self.pick(d for d in fitting if d.role == wanted)
            text = self.draw(calls(definition, shape, self.defaults.get(definition.name, ()), without))
            text = self.with_names(text, shape)
            after = self.after(text, shape)
            if after is not None and prod(after) <= _MAX_VALUES:
                return text.removesuffix("()") if self.chance(50) else text, after
        return "identity", shape

    def after(self, text: str, shape: Shape) -> Shape | None:
        """The shape after a layer, or None where it does not fit."""
        defaults = self.defaults.get(text.partition("(")[0], {})
        try:
            layers = placed(text, shape, self.params, defaults)
        except Problem:
            return None
        return layers[-1].out_shape if layers else shape

    def with_names(self, text: str, shape: Shape) -> str:
        """The call with a number written as an expression of the same value, sometimes."""
        if not self.chance(30):
            return text
        names = {**self.params, "in_channels": shape[0]}
        name = self.pick(names)
        value = names[name]
        forms = [name, f"{name} + 0", f"max({name}, 1)", f"2 * {name} // 2", f"({name})"]
        return re.sub(rf"(?<![\w.]){value}(?![\w.])", self.pick(forms), text, count=1)

    # Combinators

    def residual(self, shape: Shape, depth: int) -> tuple[str, Shape]:
        body, after = self.body(shape, self.pick((1, 2)), depth)
        if after == shape and self.chance(60):
            return f"residual {body}", shape
        return f"residual {body} skip {{ {_adapter(shape, after)} }}", after

    def branches(self, shape: Shape, depth: int) -> tuple[str, Shape]:
        """A sum or a concat; branches after the first end in what makes them agree with it."""
        keyword = self.pick(("sum", "concat"))
        first, after = self.body(shape, self.pick((0, 1, 1, 2)), depth)
        written, channels = [first], after[0]
        for _ in range(self.pick((1, 1, 2))):
            body, end = self.body(shape, self.pick((0, 1)), depth)
            wanted = after if keyword == "sum" else (self.pick((1, 2, 3)), *after[1:])
            written.append(f"{body[:-2]}\n{_adapter(end, wanted)}\n}}")
            channels += wanted[0]
        text = f"{keyword} {{ {' '.join(f'branch {body}' for body in written)} }}"
        return text, after if keyword == "sum" else (channels, *after[1:])

    def gate(self, shape: Shape, depth: int) -> tuple[str, Shape]:
        _, *spatial = shape
        squeezed = (shape[0], *(self.pick((1, n)) for n in spatial))
        body, end = self.body(shape, 1, depth)
        return f"gate {body[:-2]}\n{_adapter(end, squeezed)} -> sigmoid\n}}", shape

    def repeat(self, shape: Shape, depth: int) -> tuple[str, Shape]:
        """A body that gives back the shape it takes."""
        body, end = self.body(shape, 1, depth)
        label = "" if "line" in body else "step: "
        return (
            f"repeat {self.pick((1, 2, 3))} {body[:-2]}\n{label}{_adapter(end, shape)} -> dropout(index / 4)\n}}",
            shape,
        )

    def macro(self, shape: Shape, depth: int) -> tuple[str, Shape]:
        """A call of a block: of one that has been written for this shape, or of a new one."""
        reusable = [name for name, taken in self.known if taken == shape]
        if reusable and self.chance(70):
            name = self.pick(reusable)
            return f"{name}({shape[0]})", self.known[name, shape]
        labels = len(self.labels)
        body, after = self.body(shape, self.pick((1, 2)), depth)
        del self.labels[labels:]  # `at` can not reach into a block
        name = f"unit{len(self.macros) + 1}"
        rest = f"\n{_adapter(after, shape).replace(f'({shape[0]},', '(c,')} -> leaky_relu(slope)\n}}"
        self.macros.append(f"block {name}(c, slope=0.1) {body[:-2]}{rest}")
        self.known[name, shape] = shape
        return self.pick((f"{name}({shape[0]})", f"{name}(in_channels, slope=0.2)", f"{name}(c=in_channels)")), shape


# Layers whose mirror is their exact transpose, and the arguments with which it is not.
_LINEAR = "conv depthwise_conv conv_transpose linear flatten unflatten pad crop pixel_shuffle pixel_unshuffle".split()
_NOT_LINEAR = ("padding_mode", "mode", "spectral_norm", "weight_norm")


def _adapter(before: Shape, after: Shape) -> str:
    """A chain of linear layers from any shape to any other."""
    if len(before) == len(after) == 1:
        return f"linear({after[0]}, bias=false)"
    if before[1:] != after[1:]:
        start = "" if len(before) == 1 else "flatten -> "
        end = "" if len(after) == 1 else f" -> unflatten({after})"
        return f"{start}linear({prod(after)}, bias=false){end}"
    return f"conv({after[0]}, kernel_size=1, stride=1, padding=0, dilation=1, groups=1)"


def _head(writer: _Writer, kind: Kind, shape: Shape) -> list[str]:
    """The last lines of the described half."""
    if kind.name != "gan" or writer.chance(15):
        return []
    flat = "linear(1)" if len(shape) == 1 else writer.pick(("flatten -> linear(1)", "global_avg_pool -> linear(1)"))
    if len(shape) == 1 or writer.chance(50):
        return [flat]
    convolution = f"conv(1, kernel_size={spelled(shape[1:])}, stride=1, padding=0, dilation=1)"
    return [writer.pick((convolution, "conv(1, kernel_size=1, stride=1, padding=0)", f"{convolution} -> sigmoid"))]


def _options(writer: _Writer, kind: Kind, *, whole: bool = True) -> list[str]:
    """Some options of a mirror."""
    norms = [name for name, d in VOCABULARY.items() if d.role == NORM and not any(p.required for p in d.parameters)]
    activations = [name for name, d in VOCABULARY.items() if d.role == ACTIVATION]
    values = {
        "norm": ["same", "none", *norms, "group_norm(1)", "local_response_norm(size=2)", "batch_norm(affine=false)"],
        "activation": ["same", *activations, "leaky_relu(0.2)"],
        "dropout": ["keep", "drop"],
        "upsample": ["transpose", "nearest", "bilinear", "nearest", "bilinear", "pixel_shuffle"],
        "skips": ["none", "concat", "add"],
        "tied": ["true", "false"],
        "unpool": ["nearest", "bilinear", "transpose"],
        "spectral_norm": ["keep", "drop"],
        "output": [*activations, "elu(0.5)"],
        "width": ["1", "2", "0.5", "1 / 2"],
    }
    if not whole or kind.name != "autoencoder":
        values = {name: choices for name, choices in values.items() if name not in ("skips", "tied")}
    if not whole:
        values = {name: choices for name, choices in values.items() if name not in ("output", "width")}
    return [f"{name} {writer.pick(choices)}" for name, choices in values.items() if writer.chance(30)]


def _derived(writer: _Writer, kind: Kind, shape: Shape, latent: int | None, labels: list[str]) -> list[str]:
    """The section of the derived half: left out, a mirror with options, or written out."""
    if not writer.chance(75):
        return []
    if latent is not None and writer.chance(10):
        body, end = writer.body((latent,), writer.pick((0, 1, 2)))
        return [f"{kind.derived} {body[:-2]}\n{_adapter(end, shape)}\n}}"]
    options = _options(writer, kind)
    if labels and writer.chance(60):
        options.append(f"at {writer.pick(labels)} {{\n" + "\n".join(_options(writer, kind, whole=False)) + "\n}")
    return [f"{kind.derived} mirror {{\n" + "\n".join(options) + "\n}"]


def _train(writer: _Writer, kind: Kind) -> list[str]:
    """A `train` statement, sometimes: a loss that any output allows, and what belongs to it."""
    if not writer.chance(50):
        return []
    losses = [loss.name for loss in LOSSES[kind.name] if kind.name == "gan" or loss.name != "bce"]
    loss = writer.pick(losses)
    options = [f"loss {loss}"]
    if writer.chance(60):
        options.append(f"optimizer {_optimizer(writer)}")
    for setting in SETTINGS:
        if kind.name in setting.kinds and setting.loss in (None, loss) and writer.chance(50):
            values = [value for value in _CANDIDATES if setting.check.convert(value) is not None]
            options.append(f"{setting.name} {spelled(writer.pick(values))}")
    return ["train {\n" + "\n".join(options) + "\n}"]


def _optimizer(writer: _Writer) -> str:
    name = writer.pick(OPTIMIZERS)
    values = {"betas": ("(0.5, 0.9)", "(0, 1 / 2)"), "nesterov": ("false",)}
    arguments = [
        f"{parameter.name}={writer.pick(values.get(parameter.name, ('0.5', '1e-3')))}"
        for parameter in OPTIMIZERS[name].parameters
        if writer.chance(30)
    ]
    return f"{name}({', '.join(arguments)})" if arguments else name


@st.composite
def linear_programs(draw: Draw) -> str:
    """An autoencoder of linear operators whose mirror is the exact transpose, but for biases."""
    writer = _Writer(draw, linear=True)
    shape = draw(shapes(writer.pick(RANKS)))
    body, _ = writer.body(shape, writer.pick((1, 2, 3)))
    decoder = "decoder mirror {\noutput identity\n}"
    return f"autoencoder Net {{\ninput {spelled(shape)}\nencoder {body}\n{decoder}\n}}\n"


def _condition(writer: _Writer, kind: Kind) -> list[str]:
    """The statements of a conditional model, sometimes."""
    if not kind.conditions or not writer.chance(25):
        return []
    method = [f"condition {writer.pick(kind.conditions)}"] if writer.chance(80) else []
    return [f"classes {writer.pick((2, 3, 10))}", *method]


_DEFAULTS = ("conv(kernel_size=3, padding=1)", "conv(kernel_size=2, bias=false)", "leaky_relu(0.2)", "max_pool(2)")


@st.composite
def programs(draw: Draw, *, damaged: bool = True) -> str:
    """A whole description; without `damaged`, none is spoilt on purpose."""
    params = draw(st.dictionaries(st.sampled_from(("width", "depth", "size_of_it")), st.integers(1, 4), max_size=2))
    defaults = draw(st.lists(st.sampled_from(_DEFAULTS), max_size=2, unique_by=lambda text: text.partition("(")[0]))
    bound = {name: _default_arguments(text) for text in defaults for name in [text.partition("(")[0]]}
    writer = _Writer(draw, params, bound)
    kind = KINDS[writer.pick(KINDS)]
    shape = draw(shapes(writer.pick((0, 1, 2, 2, 3))))
    body, end = writer.body(shape, writer.pick((1, 2, 3, 4)))
    labels = list(writer.labels)
    described = "\n".join([body[:-2], *_head(writer, kind, end), "}"])
    latent = writer.pick((1, 2, 5, 10)) if kind.needs_latent or writer.chance(50) else None
    derived = _derived(writer, kind, shape, latent, labels)
    lines = [
        *(f"param {name} = {value}" for name, value in params.items()),
        f"input {spelled(shape)}",
        *([f"latent {latent}"] if latent is not None else []),
        *([f"init {writer.pick(INITS)}"] if writer.chance(20) else []),
        *_train(writer, kind),
        *_condition(writer, kind),
        *(f"default {text}" for text in defaults),
        *writer.macros,
        f"{kind.source} {described}",
        *derived,
    ]
    text = f"{kind.name} Net {{\n" + "\n".join(lines) + "\n}\n"
    return _spoilt(writer, text) if damaged and writer.chance(10) else text


def _default_arguments(text: str) -> dict[str, tree.Argument]:
    written = call(text)
    names = [parameter.name for parameter in VOCABULARY[written.name].parameters]
    return {argument.name or names[i]: argument for i, argument in enumerate(written.arguments)}


_WORD = re.compile(r"[A-Za-z_]\w*|\d+|[{}(),=]|->")
_SUBSTITUTES = (
    "0",
    "7",
    "999",
    "0.3",
    "-1",
    "true",
    "conv",
    "in_channels",
    "(1, 2)",
    '"same"',
    "",
    "}",
    "relu",
    "skip",
)


def _spoilt(writer: _Writer, text: str) -> str:
    """The text with one word replaced by another."""
    words = list(_WORD.finditer(text))
    word = writer.pick(words)
    return text[: word.start()] + writer.pick(_SUBSTITUTES) + text[word.end() :]
