"""The arguments of a generated class, and the numbers that follow from them."""

from __future__ import annotations

from dataclasses import dataclass

from dcgan_compiler.codegen.expression import Hole
from dcgan_compiler.ir import Value

Values = tuple[Value, ...]


@dataclass(frozen=True)
class Argument:
    """An argument of a class: its name and type, and its value in every use, in the order of the uses.

    `role` is the argument of torch's that it was first given for, whatever name the author has for it.
    """

    name: str
    values: Values
    is_channels: bool
    role: str

    @property
    def annotation(self) -> str:
        """The type of all its values."""
        return " | ".join(dict.fromkeys(_type(value) for value in self.values))


def _type(value: Value) -> str:
    if isinstance(value, tuple):
        return f"tuple[{', '.join(map(_type, value))}]"
    return "None" if value is None else type(value).__name__


def follows(argument: Argument, hole: Hole, values: Values) -> str | None:
    """The values of a number, one for each use of a class, as an expression of an argument, where they are one."""
    if argument.is_channels and hole.is_channels:
        return _multiple(argument, values)
    rule = _RULES.get((argument.role, hole.role))
    return rule(argument, values) if rule else None


def _multiple(argument: Argument, values: Values) -> str | None:
    """The values as a multiple or a fraction of an argument."""
    pairs = [(a, b) for a, b in zip(argument.values, values, strict=True) if type(a) is int and type(b) is int and b]
    factor, fraction = pairs[0][1] // pairs[0][0], pairs[0][0] // pairs[0][1]
    if all(b == factor * a for a, b in pairs):
        return f"{factor} * {argument.name}"
    return f"{argument.name} // {fraction}" if all(a == fraction * b for a, b in pairs) else None


def _half(argument: Argument, values: Values) -> str | None:
    same = all(type(a) is int and a // 2 == b for a, b in zip(argument.values, values, strict=True))
    return f"{argument.name} // 2" if same else None


def _one_less(argument: Argument, values: Values) -> str | None:
    same = all(type(a) is int and a - 1 == b for a, b in zip(argument.values, values, strict=True))
    return f"{argument.name} - 1" if same else None


_RULES = {("kernel_size", "padding"): _half, ("stride", "output_padding"): _one_less}
