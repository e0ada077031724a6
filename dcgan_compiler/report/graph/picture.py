"""What the picture of a model shows: both halves as cards of layers, facing each other, and nothing about ink."""

from __future__ import annotations

from dataclasses import dataclass

from dcgan_compiler.ir import Shape


@dataclass(frozen=True)
class Chip:
    """A layer, as text; `role` is what it is coloured by.

    One end of a skip connection has the number of that connection.
    """

    text: str
    role: str
    skip: int = 0


@dataclass(frozen=True)
class Fork:
    """Branches side by side: how x reaches them (copy, split), and how they are joined.

    They are joined by add, cat, multiply or sample; the branches that are two outputs are `both` given.
    """

    fan_out: str
    join: str
    branches: tuple[Chain, ...]


@dataclass(frozen=True)
class Frame:
    """A part with a name of its own, or one that comes `count` times in a row; it gives `out_shape`."""

    caption: str
    count: int
    chain: Chain
    out_shape: Shape

    @property
    def title(self) -> str:
        """`DenseLayer ×6`."""
        return f"{self.caption} ×{self.count}".strip() if self.count > 1 else self.caption


Item = Chip | Fork | Frame
Chain = tuple[Item, ...]


@dataclass(frozen=True)
class Card:
    """One line of a half.

    `kept` is the number of the skip connection for which what enters the line is kept. `skip` is the number of the one
    that what leaves the line is joined with, as `joined` says. Zero is no connection.
    """

    name: str
    caption: str
    chain: Chain
    in_shape: Shape
    out_shape: Shape
    parameters: int
    kept: int = 0
    joined: str = ""
    skip: int = 0


@dataclass(frozen=True)
class Row:
    """A line of the described half and the one that undoes it."""

    source: Card | None
    derived: Card | None


@dataclass(frozen=True)
class Half:
    """A half as a whole; `is_tied` says that its weights are those of the other half."""

    title: str
    in_shape: Shape
    out_shape: Shape
    parameters: int
    multiply_adds: int
    is_tied: bool

    @property
    def size(self) -> str:
        """`33,001 parameters`."""
        return f"{self.parameters:,} parameters{', weights tied' if self.is_tied else ''}"


@dataclass(frozen=True)
class Picture:
    """Both halves, the described one from its input on, the other one from its output on.

    `code` is what stands between the halves: z, or the code of an autoencoder. A discriminator does not end in it.
    """

    name: str
    kind: str
    source: Half
    derived: Half
    rows: tuple[Row, ...]
    code: str
    ends_in_code: bool
    mirrored: bool
