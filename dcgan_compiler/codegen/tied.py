"""Where the weights of the layers stand in the generated classes, for a decoder that shares its encoder's."""

from __future__ import annotations

from collections.abc import Iterator

from dcgan_compiler.codegen.expression import Chain, Construct, Expression, Structure
from dcgan_compiler.codegen.half import Half
from dcgan_compiler.ir import Layer


def tied_modules(source: Half, derived: Half) -> dict[str, str]:
    """The name of each module of the derived half that takes its weight from a module of the source half."""
    names = {id(layer): name for name, layer in _weights(source)}
    return {name: names[id(layer.undoes)] for name, layer in _weights(derived) if id(layer.undoes) in names}


def _weights(half: Half) -> Iterator[tuple[str, Layer]]:
    """The layers with an operator's weight, by the dotted name of their module."""
    for attribute in half.attributes:
        yield from _named(attribute.name, attribute.expression)


def _named(name: str, expression: Expression) -> Iterator[tuple[str, Layer]]:
    match expression:
        case Construct(layer=Layer() as layer) if expression.name.startswith("nn."):
            yield name, layer
        case Chain():
            for number, item in enumerate(expression.items):
                yield from _named(f"{name}.{number}", item)
        case Structure():
            for attribute in expression.attributes:
                yield from _named(f"{name}.{attribute.name}", attribute.expression)
