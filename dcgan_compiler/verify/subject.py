"""What is verified: the generated classes, imported and run."""

from __future__ import annotations

import copy
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_compiler.codegen.structure import flattened
from dcgan_compiler.ir import Model, Network, Shape, Skip, takes_label

if TYPE_CHECKING:
    from torch import Tensor, nn

BATCH = 2
_TOLERANCE = 1e-3  # of the largest number; a wrong weight or layer is off by far more
_WHOLES = {"vae": "VAE", "autoencoder": "Autoencoder"}


@dataclass(frozen=True)
class Part:
    """One generated class, and the shape that it takes; `kept` are the shapes of the skip connections that it takes.

    It takes the class of each sample, too, if it `takes_label`.
    """

    name: str
    module_name: str
    in_shape: Shape
    kept: tuple[Shape, ...] = ()
    takes_label: bool = False

    @property
    def generated(self) -> Callable[[], nn.Module]:
        """The class itself."""
        found: Callable[[], nn.Module] = getattr(sys.modules[self.module_name], self.name)
        return found

    def build(self, seed: int = 0) -> nn.Module:
        """An instance of its own in eval mode, with weights that the seed decides."""
        return copy.deepcopy(_initialized(self, seed))

    def inputs(self, convert: Callable[[Tensor], Tensor] = lambda tensor: tensor) -> tuple[Any, ...]:
        """A batch for it, every time the same, with each tensor but the label converted."""
        import torch

        generator = torch.Generator().manual_seed(1)
        first, *skips = (
            convert(torch.randn(BATCH, *shape, generator=generator)) for shape in (self.in_shape, *self.kept)
        )
        label = [torch.arange(BATCH)] if self.takes_label else []
        return (first, *label, skips) if skips else (first, *label)

    def run(self) -> list[Tensor]:
        """What an instance makes of the batch."""
        import torch

        with torch.no_grad():
            return tensors(self.build()(*self.inputs()))


@cache
def _initialized(part: Part, seed: int) -> nn.Module:
    # Orthogonal weights of a large network take minutes: they are drawn once, and every check has its copy of them.
    import torch

    torch.manual_seed(seed)
    return part.generated().eval()


@dataclass(frozen=True)
class Subject:
    """A model and the file that was generated for it; `backend` is what torch.compile is tried with.

    The file is imported under a name of its own, as a real module: torch.jit.script reads the file, and pickle looks
    the classes up by the name.
    """

    model: Model
    path: Path
    backend: str

    @property
    def module_name(self) -> str:
        """The name of the imported module."""
        return self.path.stem

    @property
    def is_imported(self) -> bool:
        """Whether the module could be imported."""
        return self.module_name in sys.modules

    def import_file(self) -> None:
        """Import the file and build each class once; raises what its code raises, and then nothing is imported."""
        spec = importlib.util.spec_from_file_location(self.module_name, self.path)
        assert spec is not None and spec.loader is not None
        sys.modules[self.module_name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(sys.modules[self.module_name])
            for part in self.parts:
                part.build()
        except BaseException:
            self.forget()
            raise

    def forget(self) -> None:
        """Undo the import."""
        _initialized.cache_clear()
        sys.modules.pop(self.module_name, None)

    @property
    def halves(self) -> list[tuple[Part, Network]]:
        """The classes of the two networks, with what they must be."""
        return [(self._half(network), network) for network in (self.model.source, self.model.derived)]

    def _half(self, network: Network) -> Part:
        skips = [node for node in flattened(network.body) if isinstance(node, Skip)]
        kept = tuple(skip.kept for skip in sorted(skips, key=lambda skip: skip.number))
        return Part(network.role.capitalize(), self.module_name, network.in_shape, kept, takes_label(network.body))

    @property
    def parts(self) -> list[Part]:
        """All classes of the contract; the output of the last has the shape of the model's input."""
        halves = [part for part, _ in self.halves]
        whole = _WHOLES.get(self.model.kind)
        takes = self.model.condition is not None
        return [*halves, Part(whole, self.module_name, self.model.input_shape, (), takes)] if whole else halves


# Running and comparing


class Mismatch(Exception):
    """Raised where the generated code is not what it must be, with what is different."""


def require(holds: bool, mismatch: str) -> None:
    """Raise `Mismatch` unless a condition holds; an `assert` would not run under `python -O`."""
    if not holds:
        raise Mismatch(mismatch)


def tensors(output: Any) -> list[Tensor]:
    """All tensors in what a module returned."""
    if isinstance(output, (tuple, list)):
        return [tensor for item in output for tensor in tensors(item)]
    return [output]


def backward(part: Part, instance: nn.Module) -> None:
    """A backward pass with a random gradient, because the plain sum of a normalised output has none."""
    import torch

    outputs = [output for output in tensors(instance(*part.inputs())) if output.requires_grad]
    torch.autograd.backward(outputs, [torch.randn_like(output) for output in outputs])


def check_gradients(part: Part, instance: nn.Module) -> int:
    """Require a finite gradient of every parameter, and count them."""
    count = 0
    for name, parameter in instance.named_parameters():
        if parameter.grad is None:
            raise Mismatch(f"no gradient reaches {part.name}.{name}")
        require(bool(parameter.grad.isfinite().all()), f"the gradient of {part.name}.{name} is not finite")
        count += 1
    return count


def check_agreement(part: Part, instance: nn.Module, other: Callable[..., Any]) -> None:
    """Require that both compute the same from the same batch, up to the order of additions."""
    import torch

    with torch.no_grad():
        check_same(part, tensors(other(*part.inputs())), tensors(instance(*part.inputs())))


def check_same(part: Part, found: list[Tensor], expected: list[Tensor]) -> None:
    """Require that the outputs of a part are what they should be, up to the order of additions."""
    shapes = [[tuple(one.shape) for one in outputs] for outputs in (found, expected)]
    require(shapes[0] == shapes[1], f"{part.name} gives {shapes[0]} instead of {shapes[1]}")
    for one, other in zip(found, expected, strict=True):
        difference, scale = float((one - other).abs().max()), float(other.abs().max())
        require(difference <= _TOLERANCE * scale, f"{part.name} gives numbers that are up to {difference:.2g} off")
