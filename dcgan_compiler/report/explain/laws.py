"""Why a layer is mirrored by what it is mirrored by, in words and numbers.

Each law looks at a layer, at what became of it and at the policy, and gives its reasons, or none if it does not apply.
docs/mirror.md states the laws in general.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence as Items
from dataclasses import dataclass
from math import prod
from typing import Any

from dcgan_compiler.ir import Gate, Layer, Node, Parallel, describe
from dcgan_compiler.layers.definition import ACTIVATION, DROPOUT, NORM, Draft
from dcgan_compiler.layers.geometry import Window, windows
from dcgan_compiler.policy import NONE, Policy

_AXES = {1: "L", 2: "HW", 3: "DHW"}


@dataclass(frozen=True)
class Case:
    """An operator and what became of it; `latent` is the length of z, if there is one."""

    layer: Layer
    mirrors: tuple[Layer, ...]
    policy: Policy
    latent: int | None

    @property
    def names(self) -> set[str]:
        """The layers that mirror it, by name."""
        return {mirror.name for mirror in self.mirrors}

    @property
    def weighted(self) -> Layer | None:
        """The one of them that has weights."""
        return next((mirror for mirror in self.mirrors if mirror.definition.weights is not None), None)


# Operators


def reasons(case: Case) -> tuple[str, ...]:
    """Why an operator is mirrored as it is: what holds for every layer like it."""
    return tuple(reason for law in (_rule, _kernel, _bias, _parametrization) for reason in law(case))


def facts(case: Case) -> tuple[str, ...]:
    """The numbers of this one operator."""
    return tuple(fact for law in (sizes, _crop, _latent, _tied) for fact in law(case))


def _rule(case: Case) -> Iterator[str]:
    """The layer's own rule, or what the policy makes of it."""
    places, upsample = prod(case.layer.in_shape[1:]), case.policy.upsample
    if not case.mirrors and case.layer.definition.mirror is not None:
        kept = case.layer.in_shape == case.layer.out_shape
        yield "nothing to undo: it keeps the shape" if kept else "left out: z fills the whole map"
    elif case.layer.definition.pools and case.names <= {"flatten", "unflatten"} and places > 1:
        yield "a global pool makes way: from a linear layer on the whole map, every place gets a value of its own"
    elif case.layer.definition.pools and "conv_transpose" in case.names:
        yield "`unpool transpose`: the transposed convolution of the pool's window"
    elif "kernel_size" not in case.layer.arguments or case.layer.definition.pools:
        yield case.layer.definition.mirror_rule
    elif "conv_transpose" in case.names:
        yield "transposed: the same window, channels swapped"
    elif "upsample" in case.names:
        yield f"`upsample {upsample}`: resized to the size that entered, then a convolution that keeps it"
    elif "pixel_shuffle" in case.names:
        yield "`upsample pixel_shuffle`: a convolution to the channels that are then spread over the map"
    elif upsample != "transpose" and case.layer.name != "conv_transpose":
        yield f"`upsample {upsample}`: without a stride, a convolution that keeps the size"
    else:
        yield case.layer.definition.mirror_rule


def sizes(case: Case) -> Iterator[str]:
    """The arithmetic of the output padding, once for all axes where it is the same."""
    transposed = next((mirror for mirror in case.mirrors if mirror.name == "conv_transpose"), None)
    if transposed is None or case.layer.name == "conv_transpose" or len(case.layer.out_shape) == 1:
        return
    places = zip(case.layer.in_shape[1:], case.layer.out_shape[1:], strict=True)
    extra: Any = transposed.arguments["output_padding"]
    axes = [_axis(n, o, w, e) for (n, o), w, e in zip(places, windows(transposed.arguments), extra, strict=True)]
    if len(set(axes)) == 1:
        yield from (text for text in axes[:1] if text)
        return
    yield from (f"{axis}: {text}" for axis, text in zip(_AXES[len(axes)], axes, strict=True) if text)


def _axis(n: int, o: int, window: Window, extra: int) -> str:
    """`output_padding = (28 + 2*1 - 1*(3 - 1) - 1) mod 2 = 1: 27 and 28 both give 14`; without a stride nothing."""
    k, s, p, d = window
    if s == 1:
        return ""
    smallest = window.spread(o)
    if window.slack(n) % s != extra:
        size = f"({o} - 1)*{s} - 2*{p} + {d}*({k} - 1) + {extra} + 1 = {smallest + extra}"
        return f"output_padding = {extra}, which gives {size}"
    others = f"{smallest} and {smallest + 1} both" if s == 2 else f"{smallest} to {smallest + s - 1} all"
    ambiguous = f": {others} give {o}, {n} came in" if smallest >= 1 else ""
    return f"output_padding = ({n} + 2*{p} - {d}*({k} - 1) - 1) mod {s} = {extra}{ambiguous}"


def _crop(case: Case) -> Iterator[str]:
    if "crop" in case.names and case.layer.name != "pad":
        yield f"the crop cuts it to {describe(case.layer.in_shape[1:])}, the size that entered"


def _kernel(case: Case) -> Iterator[str]:
    """An even kernel grows by one where its padding would be uneven."""
    old, new = case.layer.arguments.get("kernel_size"), case.weighted and case.weighted.arguments.get("kernel_size")
    if case.layer.definition.weights and old and new and old != new:
        yield "the kernel grows by one, so that its padding is the same on both sides"


def _latent(case: Case) -> Iterator[str]:
    """The last operator ends in the latent instead of its own channels."""
    given = case.layer.out_shape[0]
    if case.weighted and case.latent not in (None, given) and case.weighted.in_shape[0] == case.latent:
        yield f"the latent takes the place of its output: {case.latent} instead of {given}"


def _tied(case: Case) -> Iterator[str]:
    if case.policy.tied and case.weighted:
        yield f"`tied true`: with the weight of this {case.layer.name}"


def _bias(case: Case) -> Iterator[str]:
    if case.weighted and case.layer.arguments.get("bias") and not case.weighted.arguments.get("bias"):
        yield "without a bias, which the norm after it would take away again"


def _parametrization(case: Case) -> Iterator[str]:
    for name in ("spectral_norm", "weight_norm"):
        if case.weighted and case.layer.arguments.get(name) and not case.weighted.arguments.get(name):
            yield f"without {name} (`spectral_norm drop`)"


def branch_reason(node: Parallel) -> str:
    """Why branches are mirrored by branches."""
    if node.join == "cat":
        return "each mirrored branch takes its slice of the channels, and their outputs are summed"
    return "each mirrored branch takes the whole tensor, and their outputs are summed"


def branch_facts(node: Parallel) -> Iterator[str]:
    """The slices of a split."""
    if node.join == "cat":
        widths = [branch.out_shape[0] for branch in node.branches]
        yield f"{' + '.join(map(str, widths))} = {sum(widths)} channels"


# What stands between operators


def style_reasons(run: Items[Node], mirrors: Items[Node], policy: Policy) -> tuple[str, ...]:
    """The options of the policy that made of a run of layers something else, as they are written."""
    found = []
    if _of(run, NORM) != _of(mirrors, NORM):
        found.append(f"`norm {policy.norm.name if isinstance(policy.norm, Draft) else policy.norm}`")
    if isinstance(policy.activation, Draft) and _of(run, ACTIVATION) != _of(mirrors, ACTIVATION):
        found.append(f"`activation {policy.activation.name}`")
    if len(_of(run, DROPOUT)) > len(_of(mirrors, DROPOUT)):
        found.append("`dropout drop`")
    return tuple(found)


def _of(nodes: Items[Node], role: str) -> list[tuple[str, Any]]:
    """The layers of a role, as far as the policy can change them."""
    found = [node for node in nodes if isinstance(node, Layer) and node.definition.role == role]
    return [(layer.name, dict(layer.arguments)) for layer in found]


def place_reasons(run: Items[Node], mirrors: Items[Node]) -> Iterator[str]:
    """Why the mirror of a run stands where it does, where that needs a reason."""
    if mirrors and prod(mirrors[0].in_shape[1:]) < prod(run[0].in_shape[1:]):
        yield "before the upsampling, with which it commutes: the map is smaller there"
    if mirrors and any(isinstance(node, Gate) for node in run):
        yield "a gate keeps its tensor and has weights of its own"


def policy_words(policy: Policy) -> str:
    """The policy as its options are written, those that say nothing left out."""
    options = {
        "norm": policy.norm,
        "activation": policy.activation,
        "dropout": policy.dropout,
        "output": policy.output,
        "upsample": policy.upsample,
        "unpool": policy.unpool,
        "spectral_norm": policy.spectral_norm,
    }
    words = [f"{name} {value.name if isinstance(value, Draft) else value}" for name, value in options.items()]
    words += [f"width {policy.width}"] if policy.width != 1 else []
    words += [f"skips {policy.skips}"] if policy.skips != NONE else []
    words += ["tied true"] if policy.tied else []
    return ", ".join(words)
