"""The options of `mirror { ... }`: how the laws of inversion are applied (docs/mirror.md, section 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dcgan_compiler import problems
from dcgan_compiler.binding import bind, call_of, checked, word, wrong_option
from dcgan_compiler.diagnostics import Diagnostic, Problem, closest
from dcgan_compiler.expressions import Unknown, evaluate, show
from dcgan_compiler.kinds import KINDS
from dcgan_compiler.layers import VOCABULARY
from dcgan_compiler.layers.definition import ACTIVATION, FLAG, NORM, Draft
from dcgan_compiler.layers.spelling import meant
from dcgan_compiler.source import Span
from dcgan_compiler.syntax import tree

SAME, NONE = "same", "none"
MAX_WIDTH = 64


@dataclass(frozen=True)
class Policy:
    """How one network is mirrored.

    `norm` is "same", "none" or the norm that replaces every norm; `activation` is "same" or the activation that
    replaces every activation; `lines` holds what differs for labelled lines.
    """

    norm: str | Draft = SAME
    activation: str | Draft = SAME
    dropout: str = "keep"
    output: Draft = Draft("sigmoid", {})
    upsample: str = "transpose"
    unpool: str = "nearest"
    spectral_norm: str = "drop"
    width: int | float = 1
    skips: str = NONE
    tied: bool = False
    lines: Mapping[str, Policy] = field(default_factory=dict)

    def at(self, label: str | None) -> Policy:
        """The policy for the mirror of a line."""
        return replace(self.lines[label], lines=self.lines) if label and label in self.lines else self


def default_policy(kind: str) -> Policy:
    """What a mirror without options does: for a `gan` the published DCGAN generator, otherwise a symmetric decoder."""
    if kind != "gan":
        return Policy()
    affine = {parameter.name: parameter.default for parameter in VOCABULARY["batch_norm"].parameters}
    return Policy(
        norm=Draft("batch_norm", affine), activation=Draft("relu", {}), dropout="drop", output=Draft("tanh", {})
    )


# Reading

Names = Mapping[str, Any]
_Reader = Callable[[tree.Option, Names], Any]


def _word(*words: str) -> _Reader:
    return lambda option, names: word(option, words)


def _layer(role: str, *words: str) -> _Reader:
    """One of the words, or a layer of a role with its arguments."""
    known = [name for name, definition in VOCABULARY.items() if definition.role == role]
    example = f"{'an' if role == ACTIVATION else 'a'} {role} such as {known[0]}"
    listed = f"{', '.join(words)} or {example}" if words else example

    def read(option: tree.Option, names: Names) -> str | Draft:
        value = option.value
        if isinstance(value, tree.Name) and value.id in words:
            return value.id
        call = call_of(value)
        if call is None or call.name not in known:
            raise wrong_option(option, listed, near=meant(call.name, [*words, *known]) if call else None)
        arguments, wrong = bind(VOCABULARY[call.name], call, names, 0)
        if wrong:
            raise wrong[0]
        return Draft(call.name, arguments or {})

    return read


def _width(option: tree.Option, names: Names) -> int | float:
    factor = evaluate(option.value, names)
    if type(factor) is bool or isinstance(factor, (str, tuple)) or not 1 / MAX_WIDTH <= factor <= MAX_WIDTH:
        raise wrong_option(option, f"a factor from 1/{MAX_WIDTH} to {MAX_WIDTH}", show(factor))
    return factor if type(factor) is int else float(factor)


_READERS: dict[str, _Reader] = {
    "norm": _layer(NORM, SAME, NONE),
    "activation": _layer(ACTIVATION, SAME),
    "dropout": _word("keep", "drop"),
    "output": _layer(ACTIVATION),
    "upsample": _word("transpose", "nearest", "bilinear", "pixel_shuffle"),
    "unpool": _word("nearest", "bilinear", "transpose"),
    "spectral_norm": _word("keep", "drop"),
    "width": _width,
    "skips": _word(NONE, "concat", "add"),
    "tied": lambda option, names: checked(option, FLAG, names),
}
_WHOLE_NETWORK = ("output", "width", "skips", "tied")
_AUTOENCODER_ONLY = ("skips", "tied")
_LINE = "a line"


def read_policy(
    options: tree.Options | None, kind: str, section: str, labels: Sequence[str], names: Names
) -> tuple[Policy, list[Diagnostic]]:
    """The policy that a mirror section describes, and what is wrong with it.

    `section` and `labels` are the described half and the labels of its lines; `names` are the params.
    """
    diagnostics: list[Diagnostic] = []
    policy = default_policy(kind)
    if options is None:
        return policy, diagnostics
    known = tuple(name for name in _READERS if kind == "autoencoder" or name not in _AUTOENCODER_ONLY)
    plain = [item for item in options.items if isinstance(item, tree.Option)]
    policy = _updated(policy, plain, known, KINDS[kind].phrase, names, diagnostics)
    lines: dict[str, Policy] = {}
    local = tuple(name for name in _READERS if name not in _WHOLE_NETWORK)
    for item in options.items:
        if not isinstance(item, tree.At):
            continue
        if item.label in lines:
            diagnostics.append(problems.DUPLICATE_STATEMENT.at(item.label_span, name=f"at {item.label}"))
        if item.label not in labels:
            near = closest(item.label, labels)
            diagnostics.append(problems.UNKNOWN_LABEL.at(item.label_span, section=section, name=item.label, near=near))
        inner = [option for option in item.options.items if isinstance(option, tree.Option)]
        lines[item.label] = _updated(policy, inner, local, _LINE, names, diagnostics)
        diagnostics += [_nested_at(option.span) for option in item.options.items if isinstance(option, tree.At)]
    return replace(policy, lines=lines), diagnostics


def _updated(
    policy: Policy,
    options: Sequence[tree.Option],
    known: Sequence[str],
    owner: str,
    names: Names,
    diagnostics: list[Diagnostic],
) -> Policy:
    """The policy with the options that its owner, a kind of model or a line, may have."""
    values: dict[str, Any] = {}
    for option in options:
        if option.name not in known:
            diagnostics.append(_unknown(option, known, owner))
            continue
        if option.name in values:
            diagnostics.append(problems.DUPLICATE_STATEMENT.at(option.name_span, name=option.name))
        try:
            values[option.name] = _READERS[option.name](option, names)
        except Problem as problem:
            diagnostics.append(problem.located(option.span))
        except Unknown:
            continue
    return replace(policy, **values)


def _unknown(option: tree.Option, known: Sequence[str], owner: str) -> Diagnostic:
    if option.name in _READERS:
        reason = "it holds for the whole network" if owner == _LINE else "only an autoencoder has both halves at hand"
        return problems.NOT_FOR_KIND.at(option.name_span, name=option.name, kind=owner, reason=reason)
    near = closest(option.name, known)
    return problems.UNKNOWN_OPTION.at(option.name_span, name=option.name, known=", ".join(known), near=near)


def _nested_at(span: Span) -> Diagnostic:
    return problems.NOT_FOR_KIND.at(span, name="at", kind=_LINE, reason="it can not be nested")
