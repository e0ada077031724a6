"""Warnings: what compiles, but is probably not what the author wants. Each is one function in `_CHECKS`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from math import prod

from dcgan_compiler import problems
from dcgan_compiler.diagnostics import Diagnostic, Note, Problem
from dcgan_compiler.expressions import show
from dcgan_compiler.ir import Gate, Layer, Model, Network, Node, Parallel, Sequence, describe, layers
from dcgan_compiler.layers.definition import NORM, OPERATOR, uniform
from dcgan_compiler.layers.geometry import windows
from dcgan_compiler.mirror import mirror
from dcgan_compiler.policy import Policy
from dcgan_compiler.source import Span
from dcgan_compiler.syntax import tree

UNBALANCED_RATIO = 10
_MAX_LINES = 10
_PROBABILITIES = ("sigmoid", "hardsigmoid", "softmax", "log_softmax")


def lint(syntax: tree.Model, model: Model) -> list[Diagnostic]:
    """The warnings of a model that has no errors."""
    return [warning for check in _CHECKS for warning in check(syntax, model)]


# The mirror


def _checkerboard(syntax: tree.Model, model: Model) -> Iterator[Diagnostic]:
    """Windows of a transposed convolution that overlap unevenly; one warning for all of the same geometry."""
    found: dict[tuple[str, str], dict[int, Span]] = {}
    for layer in model.derived.layers:
        pooled = layer.undoes is not None and layer.undoes.definition.pools
        uneven = layer.name == "conv_transpose" and any(w.k > 1 and w.k % w.s for w in windows(layer.arguments))
        if uneven and not pooled:
            kernel, stride = (show(uniform(layer.arguments[name])) for name in ("kernel_size", "stride"))
            found.setdefault((kernel, stride), {})[layer.span.start] = layer.span
    for (kernel, stride), spans in found.items():
        first, notes = _first_of(spans)
        yield problems.CHECKERBOARD.at(first, notes=notes, kernel=kernel, stride=stride, half=model.derived.role)


def _first_of(spans: dict[int, Span]) -> tuple[Span, list[Note]]:
    """The first of the places of one problem, by their offsets, and a note with the lines of the others."""
    first = spans[min(spans)]
    others = sorted({span.line for span in spans.values()} - {first.line})
    if not others:
        return first, []
    lines = ", ".join(map(str, others[:_MAX_LINES]))
    more = f" and {len(others) - _MAX_LINES:,} more" if len(others) > _MAX_LINES else ""
    return first, [Note(f"the same on line{'s' * (len(others) > 1)} {lines}{more}")]


def _latent_too_large(syntax: tree.Model, model: Model) -> Iterator[Diagnostic]:
    """A first layer of the mirror that gives fewer values than the latent has."""
    latent = next((s for s in syntax.statements if isinstance(s, tree.Setting) and s.name == "latent"), None)
    first = next((layer for layer in model.derived.layers if layer.definition.weights == OPERATOR), None)
    if latent is None or first is None or model.latent is None or prod(first.out_shape) >= model.latent:
        return
    yield problems.LATENT_TOO_LARGE.at(
        latent.span,
        latent=model.latent,
        half=model.derived.role,
        layer=first.name,
        shape=describe(first.out_shape),
        size=prod(first.out_shape),
    )


def _unbalanced(syntax: tree.Model, model: Model) -> Iterator[Diagnostic]:
    """A mirror that is many times as large as its source, with the layer that makes it so."""
    source, derived = model.source, model.derived
    if not 0 < UNBALANCED_RATIO * source.parameters < derived.parameters:
        return
    largest = max(derived.layers, key=lambda layer: layer.parameters)
    is_written = largest.span != source.body.span
    yield problems.UNBALANCED.at(
        largest.span if is_written else _last_written(source).span,
        mirror=derived.role,
        source=source.role,
        ratio=derived.parameters / source.parameters,
        mirror_count=derived.parameters,
        source_count=source.parameters,
        layer=largest.name,
        before=describe(largest.in_shape),
        after=describe(largest.out_shape),
        count=largest.parameters,
        origin="the mirror of this line" if is_written else "which leads from z to what this line gives",
    )


def _last_written(half: Network) -> Node:
    """The last line of the author's; what the compiler adds has the place of the whole body."""
    return next(line for line in reversed(half.body.items) if line.span != half.body.span)


def _idle_options(syntax: tree.Model, model: Model) -> Iterator[Diagnostic]:
    """Options of one line without which the mirror is the same. Each costs a mirror, so not of a very large network."""
    mirrors = [one for one in syntax.statements if isinstance(one, tree.Mirror)]
    lines = [at for one in mirrors for at in one.options.items if isinstance(at, tree.At)]
    options = [(at.label, one) for at in lines for one in at.options.items if isinstance(one, tree.Option)]
    if model.policy is None or len(options) * len(model.source.layers) > _MAX_MIRRORED:
        return
    for label, option in options:
        local, general = (getattr(policy, option.name) for policy in (model.policy.at(label), model.policy))
        line = replace(model.policy.lines[label], **{option.name: general})
        if local == general or _is_same_mirror(model, replace(model.policy, lines={**model.policy.lines, label: line})):
            hint = "it is the same for all lines" if local == general else _CONCERNS[option.name]
            yield problems.IDLE_OPTION.at(option.span, name=option.name, label=label, hint=hint)


_MAX_MIRRORED = 20_000
_BETWEEN_OPERATORS = "in the mirror, what stands after the operator here belongs to the next line: give it there"
_CONCERNS = {
    **dict.fromkeys(("norm", "activation", "dropout"), _BETWEEN_OPERATORS),
    "upsample": "it is for convolutions with a stride",
    "unpool": "it is for pools",
    "spectral_norm": "it is for weights with a parametrization",
}


def _is_same_mirror(model: Model, policy: Policy) -> bool:
    """Whether another policy gives the same mirror."""
    assert model.policy is not None
    try:
        one, other = (mirror(model.source.body, chosen, model.latent) for chosen in (policy, model.policy))
    except Problem:  # the option is what makes it possible
        return False
    return one == other


# What was written


def _bias_before_norm(syntax: tree.Model, model: Model) -> Iterator[Diagnostic]:
    """A bias that the normalisation directly after it takes away again; one warning for all of the same layers."""
    found: dict[tuple[str, str], dict[int, Span]] = {}
    for half in _written(model):
        for chain in _chains(half.body):
            for layer, norm in pairwise(chain):
                if isinstance(layer, Layer) and isinstance(norm, Layer) and _has_idle_bias(layer, norm):
                    found.setdefault((layer.name, norm.name), {})[layer.span.start] = layer.span
    for (name, norm_name), spans in found.items():
        first, notes = _first_of(spans)
        yield problems.BIAS_BEFORE_NORM.at(first, notes=notes, layer=name, norm=norm_name)


def _has_idle_bias(layer: Layer, norm: Layer) -> bool:
    return layer.definition.role == OPERATOR and bool(layer.arguments.get("bias")) and norm.definition.centers


def _written(model: Model) -> list[Network]:
    """The halves that the author wrote out, as they are without the class."""
    written = model.unconditioned or model
    return [written.source] if model.mirrored else [written.source, written.derived]


def _chains(body: Sequence) -> Iterator[list[Node]]:
    """The nodes of a body one after the other, out of their lines and blocks; then those of the bodies inside them."""
    chain = list(_flat(body))
    yield chain
    for node in chain:
        inner = node.branches if isinstance(node, Parallel) else (node.body,) if isinstance(node, Gate) else ()
        for branch in inner:
            yield from _chains(branch)


def _flat(body: Sequence) -> Iterator[Node]:
    for item in body.items:
        if isinstance(item, Sequence):
            yield from _flat(item)
        else:
            yield item


def _norm_first(syntax: tree.Model, model: Model) -> Iterator[Diagnostic]:
    """A normalisation before the second operator with weights of a discriminator."""
    if model.kind != "gan":
        return
    operators = 0
    for layer in layers(model.source.body):
        operators += layer.definition.weights == OPERATOR
        if operators > 1:
            return
        if layer.definition.role == NORM:
            yield problems.NORM_FIRST.at(layer.span, norm=layer.name)
            return


def _probability_head(syntax: tree.Model, model: Model) -> Iterator[Diagnostic]:
    """A discriminator that ends in probabilities."""
    if model.kind != "gan":
        return
    last = next((layer for layer in reversed(model.source.layers) if layer.name != "flatten"), None)
    if last and last.name in _PROBABILITIES:
        yield problems.SIGMOID_HEAD.at(last.span, layer=last.name)


def _penalty_per_sample(syntax: tree.Model, model: Model) -> Iterator[Diagnostic]:
    """A norm over the batch in a discriminator whose loss has a gradient penalty."""
    training = model.training
    penalty = "loss wgan_gp" if training.loss == "wgan_gp" else "r1" if training.settings.get("r1") else None
    spans = {layer.span.start: layer.span for layer in model.source.layers if layer.name == "batch_norm"}
    if penalty and spans:
        first, notes = _first_of(spans)
        yield problems.PENALTY_PER_SAMPLE.at(first, notes=notes, norm="batch_norm", penalty=penalty)


# Names


def _unused_names(syntax: tree.Model, model: Model) -> Iterator[Diagnostic]:
    """Params, blocks and arguments of blocks that nothing refers to."""
    called = {node.name for node in _nodes(syntax.statements) if isinstance(node, tree.Call)}
    referred = set().union(*map(_free_names, syntax.statements))
    for statement in syntax.statements:
        if isinstance(statement, tree.Param) and statement.name not in referred:
            yield problems.UNUSED_NAME.at(statement.name_span, what="the param", name=statement.name)
        if not isinstance(statement, tree.Macro):
            continue
        if statement.name not in called:
            yield problems.UNUSED_NAME.at(statement.name_span, what="the block", name=statement.name)
        inside = _names(statement)
        for parameter in statement.parameters:
            if parameter.name not in inside:
                yield problems.UNUSED_NAME.at(parameter.span, what="the argument", name=parameter.name)


def _free_names(statement: tree.Statement) -> set[str]:
    """The names in a statement that can mean a param: in a block, those that are no argument of it.

    A default sees the arguments before its own: in `block up(n=n)` the second n is a param.
    """
    if not isinstance(statement, tree.Macro):
        return _names(statement)
    free: set[str] = set()
    bound: set[str] = set()
    for parameter in statement.parameters:
        free |= _names(parameter) - bound
        bound.add(parameter.name)
    return free | (_names(statement.body) - bound)


def _names(part: tree.Node) -> set[str]:
    return {node.id for node in _nodes(part) if isinstance(node, tree.Name)}


def _nodes(part: object) -> Iterator[tree.Node]:
    """Every node of a syntax tree, or of a tuple of such."""
    if isinstance(part, tuple):
        for item in part:
            yield from _nodes(item)
    elif isinstance(part, tree.Node):
        yield part
        for child in vars(part).values():
            yield from _nodes(child)


_CHECKS: tuple[Callable[[tree.Model, Model], Iterator[Diagnostic]], ...] = (
    _checkerboard,
    _latent_too_large,
    _unbalanced,
    _idle_options,
    _bias_before_norm,
    _norm_first,
    _probability_head,
    _penalty_per_sample,
    _unused_names,
)
