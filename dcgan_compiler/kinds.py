"""The kinds of model: which half is described, which is derived, and what each kind needs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """`source` is the half that is described, `derived` the half that mirrors it."""

    name: str
    source: str
    derived: str
    needs_latent: bool
    init: str

    @property
    def phrase(self) -> str:
        """`a gan`: the name with its article."""
        return f"{'an' if self.name[0] in 'aeiou' else 'a'} {self.name}"


KINDS = {
    kind.name: kind
    for kind in (
        Kind("gan", "discriminator", "generator", needs_latent=True, init="dcgan"),
        Kind("vae", "encoder", "decoder", needs_latent=True, init="torch"),
        Kind("autoencoder", "encoder", "decoder", needs_latent=False, init="torch"),
    )
}

INITS = ("dcgan", "orthogonal", "xavier", "kaiming", "torch")
