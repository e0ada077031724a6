"""How a model is mirrored, and why, as text: `dcganc explain`."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill, shorten

from dcgan_compiler.diagnostics import printable
from dcgan_compiler.ir import Layer, Model, Network, describe
from dcgan_compiler.kinds import AUXILIARY, CONCAT, EMBEDDING, PROJECTION
from dcgan_compiler.layers.definition import ACTIVATION, ATTENTION, NORM, OPERATOR
from dcgan_compiler.report.explain.laws import policy_words
from dcgan_compiler.report.explain.steps import Entry, Step, entries

_WIDTH = 110
_LAWS = """\
Operators are undone in reverse order. What stands between two of them (norm, activation, dropout, gate) \
belongs to the tensor there: it stands on the same tensor in the {derived}, between their mirrors, in the form \
that the policy gives it. Below, `a => b` says that a is mirrored by b; a general reason is given once."""


def explain(model: Model) -> str:
    """For every line of the description what its mirror is, and why; and how many parameters the halves have."""
    mirrored = model.unconditioned or model
    return "\n".join([*_opening(model), *_condition(model), *_explained(mirrored), *_balance(model)]) + "\n"


def _opening(model: Model) -> Iterator[str]:
    source, derived = model.source, model.derived
    width = max(len(source.role), len(derived.role))
    yield f"{model.kind} {printable(model.name)}"
    yield ""
    for half in (source, derived):
        yield f"  {half.role:{width}}  {describe(half.in_shape)} -> {describe(half.out_shape)}"
    yield ""


def _condition(model: Model) -> Iterator[str]:
    """How the halves are told the class, if they are."""
    if model.condition is None or model.unconditioned is None:
        return
    method, classes = model.condition.method, model.condition.classes
    channels, features = model.input_shape[0], model.unconditioned.derived.in_shape[0]
    source, derived = model.source.role, model.derived.role
    vector = "learned vector" if method == EMBEDDING else "one-hot vector"
    at_input = f"the {source} takes it beside its channels ({channels} + {features - model.derived.in_shape[0]})"
    beside = f"the {derived} takes it beside z ({model.latent} + {features - model.derived.in_shape[0]} = {features})"
    words = {
        CONCAT: f"a {vector} stands for the class: {at_input}, {beside}",
        EMBEDDING: f"a {vector} stands for the class: {at_input}, {beside}",
        PROJECTION: f"the {source} scores how well its features go with the class, and every batch norm of the"
        f" {derived} has a gain and a bias for each class",
        AUXILIARY: f"the {source} guesses the class in a head of its own; a {vector} stands for it, and {beside}",
    }
    yield _filled(
        f"Condition {method}, {classes} classes: {words[method]}. Below is the model without the class.", " " * 8
    )
    yield ""


def _explained(model: Model) -> Iterator[str]:
    source, derived = model.source.role, model.derived.role
    if model.policy is None:
        yield _filled(
            f"Nothing is mirrored: the {derived} is written out. It takes {describe(model.derived.in_shape)} and gives"
            f" {describe(model.derived.out_shape)}, which is what the {source} takes."
        )
        yield ""
        return
    yield _filled(_LAWS.format(derived=derived))
    yield ""
    yield _filled(f"Policy: {policy_words(model.policy)}.", " " * 8)
    for label, policy in model.policy.lines.items():
        yield _filled(f"At {label}: {policy_words(policy)}.", " " * 8)
    yield ""
    for entry in entries(model, model.policy):
        yield from _entry(entry, derived)
        yield ""


def _entry(entry: Entry, derived: str) -> Iterator[str]:
    line = f"line {entry.line}" if entry.line is not None else "added"
    undone = f", undone by {entry.undone_by}" if entry.undone_by else ""
    yield f"{entry.name} ({line}): {describe(entry.in_shape)} -> {describe(entry.out_shape)}{undone}"
    if entry.text:
        yield f"  {shorten(entry.text, _WIDTH - 2, placeholder=' ...')}"
    if entry.like:
        yield f"  as {entry.like}{', with its own numbers:' if entry.steps else ''}"
    for step in entry.steps:
        yield from _step(step)


def _step(step: Step) -> Iterator[str]:
    indent = "  " * (step.depth + 2)
    yield f"{indent}{step.what}" + (f"  =>  {step.mirror}" if step.mirror is not None else "")
    for reason in (*step.facts, *step.reasons):
        yield _filled(reason, f"{indent}    ", first=f"{indent}    ")


def _filled(text: str, indent: str = "", *, first: str = "") -> str:
    """The text in lines; all but the first begin with `indent`."""
    return fill(
        text, _WIDTH, initial_indent=first, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


# Parameters

_ROLES = {OPERATOR: "operators", NORM: "normalisation", ACTIVATION: "activations", ATTENTION: "attention"}


def _balance(model: Model) -> Iterator[str]:
    """The parameters of both halves, by the roles of their layers."""
    halves = (model.source, model.derived)
    rows = [("parameters", *(half.role for half in halves))]
    rows += [
        (title, *(f"{_parameters(half, role):,}" for half in halves))
        for role, title in _ROLES.items()
        if any(_parameters(half, role) for half in halves)
    ]
    rows.append(("total", *(f"{half.parameters:,}" for half in halves)))
    for title, left, right in rows:
        yield f"{title:15}{left:>16}{right:>16}"
    if model.source.parameters:
        yield _filled(f"The {model.derived.role} has {_ratio(model)} of the parameters of the {model.source.role}.")


def _parameters(half: Network, role: str) -> int:
    return sum(layer.parameters for layer in half.layers if _role(layer) == role)


def _role(layer: Layer) -> str:
    return layer.definition.role


def _ratio(model: Model) -> str:
    return f"{model.derived.parameters / model.source.parameters:.0%}"
