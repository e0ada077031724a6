"""The kinds of model: which half is described, which is derived, and what each kind needs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """`source` is the half that is described, `derived` the half that mirrors it.

    `conditions` are the ways in which both can be told the class of a sample, the usual one first.
    """

    name: str
    source: str
    derived: str
    needs_latent: bool
    init: str
    conditions: tuple[str, ...] = ()

    @property
    def phrase(self) -> str:
        """`a gan`: the name with its article."""
        return f"{'an' if self.name[0] in 'aeiou' else 'a'} {self.name}"


CONCAT, EMBEDDING, PROJECTION, AUXILIARY = CONDITIONS = ("concat", "embedding", "projection", "auxiliary")
MAX_CLASSES = 100_000
MAX_EMBEDDING = 128


@dataclass(frozen=True)
class Condition:
    """How the halves of a model are told the class of each sample, a whole number below `classes`."""

    method: str
    classes: int

    @property
    def width(self) -> int:
        """The length of the vector that stands for a class beside the channels: one-hot, or learned.

        BigGAN (Brock et al. 2019) learns one of 128 values for 1000 classes.
        """
        return min(self.classes, MAX_EMBEDDING) if self.method == EMBEDDING else self.classes


KINDS = {
    kind.name: kind
    for kind in (
        Kind("gan", "discriminator", "generator", needs_latent=True, init="dcgan", conditions=CONDITIONS),
        Kind("vae", "encoder", "decoder", needs_latent=True, init="torch", conditions=(CONCAT, EMBEDDING)),
        Kind("autoencoder", "encoder", "decoder", needs_latent=False, init="torch"),
    )
}

INITS = ("dcgan", "orthogonal", "xavier", "kaiming", "torch")
