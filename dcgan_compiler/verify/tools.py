"""Whether the generated classes work with torch's tools: saving, copying, capturing, compiling, number formats."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from typing import TYPE_CHECKING

from dcgan_compiler.verify.subject import (
    Part,
    Subject,
    backward,
    check_agreement,
    check_gradients,
    check_same,
    require,
    tensors,
)

if TYPE_CHECKING:
    from torch import Tensor, nn


class NotApplicable(Exception):
    """Raised by a check that says nothing about this model, with the reason."""


def state_dict(subject: Subject) -> str:
    """Saved weights, loaded into an instance with others, make it compute the same."""
    import torch

    for part in subject.parts:
        original, other = part.build(), part.build(seed=1)
        file = io.BytesIO()
        torch.save(original.state_dict(), file)
        file.seek(0)
        other.load_state_dict(torch.load(file, weights_only=True))
        check_agreement(part, original, other)
    return ""


def deep_copy(subject: Subject) -> str:
    """A deep copy computes the same."""
    for part in subject.parts:
        instance = part.build()
        check_agreement(part, instance, copy.deepcopy(instance))
    return ""


def pickling(subject: Subject) -> str:
    """A pickled instance comes back and computes the same."""

    def check(part: Part, instance: nn.Module) -> None:
        check_agreement(part, instance, pickle.loads(pickle.dumps(instance)))

    return _unless_parametrized(subject, check, "pickle")


def export(subject: Subject) -> str:
    """torch.export captures each class, and what it captured computes the same."""
    import torch

    for part in subject.parts:
        instance = part.build()
        check_agreement(part, instance, torch.export.export(instance, part.inputs()).module())
    return ""


def compiled(subject: Subject) -> str:
    """torch.compile captures each class in one graph, and what it compiled computes the same."""
    import torch

    for part in subject.parts:
        instance = part.build()
        torch.compiler.reset()
        check_agreement(part, instance, torch.compile(instance, fullgraph=True, backend=subject.backend))
    return f"backend {subject.backend}"


def scripted(subject: Subject) -> str:
    """torch.jit.script compiles each class, and what it compiled computes the same."""
    import torch

    def check(part: Part, instance: nn.Module) -> None:
        check_agreement(part, instance, torch.jit.script(instance))

    return _unless_parametrized(subject, check, "script")


def bfloat16(subject: Subject) -> str:
    """Forward and backward pass under autocast to bfloat16 give finite numbers."""
    import torch

    for part in subject.parts:
        instance = part.build().train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            backward(part, instance)
        check_gradients(part, instance)
    return ""


def channels_last(subject: Subject) -> str:
    """With weights and images in the memory format channels_last each class computes the same."""
    import torch

    if len(subject.model.input_shape) != 3:
        raise NotApplicable("the format is for maps (C, H, W)")

    def converted(tensor: Tensor) -> Tensor:
        return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor

    for part in subject.parts:
        instance = part.build().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        with torch.no_grad():
            check_same(part, tensors(instance(*part.inputs(converted))), part.run())
    return ""


def float64(subject: Subject) -> str:
    """Converted to float64 each class computes the same, more precisely."""
    import torch

    for part in subject.parts:
        with torch.no_grad():
            outputs = tensors(part.build().double()(*part.inputs(torch.Tensor.double)))
        require(all(output.dtype == torch.float64 for output in outputs), f"{part.name} does not give float64")
        check_same(part, [output.float() for output in outputs], part.run())
    return ""


def _unless_parametrized(subject: Subject, check: Callable[[Part, nn.Module], None], verb: str) -> str:
    """A check of the classes that torch can handle; it can neither pickle nor script a parametrized module."""
    from torch.nn.utils.parametrize import is_parametrized

    left_out = []
    for part in subject.parts:
        instance = part.build()
        if any(map(is_parametrized, instance.modules())):
            left_out.append(part.name)
        else:
            check(part, instance)
    if left_out:
        raise NotApplicable(f"torch can not {verb} spectral_norm or weight_norm, in {' and '.join(left_out)}")
    return ""
