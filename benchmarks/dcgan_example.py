"""The training loop of the DCGAN example of PyTorch, written after its published recipe.

https://github.com/pytorch/examples/tree/main/dcgan and the DCGAN tutorial: Adam with a learning rate of 2e-4 and betas
(0.5, 0.999), binary cross-entropy on probabilities, a backward pass each for real and for fake images, then a step of
the generator through the whole discriminator. The losses are read in every step, as the example prints them.
"""

from __future__ import annotations

import reference
import torch
from torch import Tensor, nn

LATENT = 100
REAL, FAKE = 1.0, 0.0


class Example:
    """Both networks with their optimizers, on a device."""

    def __init__(self, device: torch.device) -> None:
        self.generator = reference.Generator(LATENT).to(device)
        self.discriminator = reference.Discriminator().to(device)
        self.criterion = nn.BCELoss()
        self.generator_optimizer, self.discriminator_optimizer = (
            torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))
            for network in (self.generator, self.discriminator)
        )

    def step(self, real: Tensor, noise: Tensor) -> dict[str, float]:
        """One iteration on images (N, 3, 64, 64) and noise (N, 100); returns the losses of both networks."""
        label = torch.full((len(real), 1), REAL, device=real.device)
        self.discriminator.zero_grad()
        on_real = self.criterion(self.probability(real), label)
        on_real.backward()
        fake = self.generator(noise)
        label.fill_(FAKE)
        on_fake = self.criterion(self.probability(fake.detach()), label)
        on_fake.backward()
        self.discriminator_optimizer.step()

        self.generator.zero_grad()
        label.fill_(REAL)
        loss = self.criterion(self.probability(fake), label)
        loss.backward()
        self.generator_optimizer.step()
        return {"discriminator": (on_real + on_fake).item(), "generator": loss.item()}

    def probability(self, image: Tensor) -> Tensor:
        """How likely images are real to the discriminator, (N, 1); the example ends its network in this sigmoid."""
        return torch.sigmoid(self.discriminator(image))
