"""The rule for tied weights: a decoder can share the weight of every operator that its mirror transposes as it is."""

from __future__ import annotations

from dcgan_compiler import problems
from dcgan_compiler.ir import Layer, Network


def check_tied(source: Network, derived: Network) -> None:
    """Raise a located `Problem` for the first layer that can not share its weight with the one that undoes it."""
    described = {id(layer) for layer in source.layers}
    for layer in derived.layers:
        original = layer.undoes
        if original is None or "operator" not in (layer.definition.weights, original.definition.weights):
            continue
        reason = _why_not(layer, original, id(original) in described)
        if reason:
            hint = "leave `tied` out, or what stands in its way"
            raise problems.TIED.error(original.span, layer=original.name, reason=reason, hint=hint)


def _why_not(layer: Layer, original: Layer, described: bool) -> str | None:
    if not described:
        return "the mirror is made from another width or another head than the encoder's"
    if any(original.arguments.get(name) for name in ("spectral_norm", "weight_norm")):
        return "it is parametrized"
    swapped = (layer.in_shape[0], layer.out_shape[0]) == (original.out_shape[0], original.in_shape[0])
    same_kernel = layer.arguments.get("kernel_size") == original.arguments.get("kernel_size")
    convolved_twice = layer.name == "conv" and original.name in ("conv", "depthwise_conv")
    if not swapped or not same_kernel or convolved_twice:
        return "the weight in the mirror has another shape, by `upsample`, `width` or `skips concat`"
    return None
