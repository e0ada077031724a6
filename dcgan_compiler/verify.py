"""`dcganc verify`: runs what was generated and compares it with the typed model, check by check. Needs torch.

Every check builds the classes anew from the generated source, so that none depends on another, and runs them on a batch
of two. A check passes by returning, with a remark; it raises `NotApplicable` where torch itself has no such thing for
this model, and anything else where the generated code is wrong.
"""

from __future__ import annotations

import copy
import importlib.util
import io
import pickle
import secrets
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from dcgan_compiler.ir import Layer, Model, Network, Node, Sequence, Shape, describe, layers

if TYPE_CHECKING:
    from torch import Tensor, nn

BATCH = 2
PASSED, FAILED, NOT_APPLICABLE = "ok", "FAILED", "n.a."
_WHOLES = {"vae": "VAE", "autoencoder": "Autoencoder"}
_MAX_REASON = 300


class NotApplicable(Exception):
    """Raised by a check that says nothing about this model, with the reason."""


class Result(NamedTuple):
    """How a check ended; `remark` is what was found, or the reason."""

    status: str
    remark: str


@dataclass(frozen=True)
class Part:
    """One generated class: the half of the model that it must be (none for the two together), and what it takes."""

    name: str
    module: ModuleType
    in_shape: Shape
    network: Network | None

    def build(self) -> nn.Module:
        """A new instance in eval mode, every time with the same weights."""
        import torch

        torch.manual_seed(0)
        instance: nn.Module = getattr(self.module, self.name)()
        return instance.eval()

    def example(self) -> Tensor:
        """A batch for it, every time the same."""
        import torch

        return torch.randn(BATCH, *self.in_shape, generator=torch.Generator().manual_seed(1))


@dataclass(frozen=True)
class Subject:
    """A model and its generated classes; `backend` is what torch.compile is tried with."""

    model: Model
    parts: tuple[Part, ...]
    backend: str

    @property
    def whole(self) -> Part:
        """The class whose output has the shape of the model's input."""
        return self.parts[-1]


@dataclass(frozen=True)
class Check:
    """One question about the generated code, still to be answered."""

    name: str
    question: Callable[[Subject], str]
    subject: Subject

    def run(self) -> Result:
        """The answer; whatever the generated code raises is one."""
        try:
            with warnings.catch_warnings(action="ignore"):
                return Result(PASSED, self.question(self.subject))
        except NotApplicable as reason:
            return Result(NOT_APPLICABLE, str(reason))
        except Exception as error:
            return Result(FAILED, _reason(error))


@contextmanager
def checks(model: Model, code: str, backend: str = "eager") -> Iterator[list[Check]]:
    """The checks of a model's generated source, to be run inside the `with`; raises what the import raises."""
    with warnings.catch_warnings(action="ignore"):
        import torch  # noqa: F401  # the first import may warn, and must not fail in the middle of a check
    with imported(code) as module:
        subject = Subject(model, tuple(_parts(model, module)), backend)
        yield [Check(name, question, subject) for name, question in QUESTIONS]


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    text = text if len(text) <= _MAX_REASON else f"{text[:_MAX_REASON]}..."
    return text if isinstance(error, AssertionError) else f"{type(error).__name__}: {text}"


@contextmanager
def imported(code: str) -> Iterator[ModuleType]:
    """The generated source as a real module: in a file, where torch.jit.script reads it, and in `sys.modules`."""
    name = f"_dcganc_{secrets.token_hex(8)}"
    with TemporaryDirectory(prefix="dcganc-") as folder, ExitStack() as stack:
        path = Path(folder) / f"{name}.py"
        path.write_text(code, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        stack.callback(sys.modules.pop, name)
        spec.loader.exec_module(module)
        yield module


def _parts(model: Model, module: ModuleType) -> Iterator[Part]:
    for network in (model.source, model.derived):
        yield Part(network.role.capitalize(), module, network.in_shape, network)
    if model.kind in _WHOLES:
        yield Part(_WHOLES[model.kind], module, model.input_shape, None)


# Against the typed model


def shapes(subject: Subject) -> str:
    """Every block gives the shape that was inferred."""
    count = 0
    for part in subject.parts:
        if part.network is None:
            continue
        found = _block_shapes(part)
        for name, expected in _expected_shapes(part.network):
            shape = found.get(name)
            assert shape is not None, f"{part.name}.{name} does not run"
            assert shape in expected, f"{part.name}.{name} gives {describe(shape)} instead of {describe(expected[0])}"
            count += 1
    return f"{count} blocks"


def _block_shapes(part: Part) -> dict[str, Shape]:
    """The output shape of every direct submodule that runs, without the batch."""
    import torch

    instance, found = part.build(), {}

    def hook(name: str) -> Callable[[nn.Module, tuple[Any, ...], Tensor], None]:
        def record(module: nn.Module, arguments: tuple[Any, ...], output: Tensor) -> None:
            found[name] = tuple(output.shape[1:])

        return record

    for name, child in instance.named_children():
        child.register_forward_hook(hook(name))
    with torch.no_grad():
        instance(part.example())
    return found


def _expected_shapes(network: Network) -> Iterator[tuple[str, list[Shape]]]:
    """The blocks with a module: its shape is that of the line, or of the line before expressions at its end."""
    for line in network.body.items:
        if isinstance(line, Sequence) and line.name is not None:
            yield line.name, [line.out_shape, *_before_expressions(line)]
    for name, layer in network.heads:
        yield name, [layer.out_shape]


def _before_expressions(line: Sequence) -> Iterator[Shape]:
    for node in reversed(line.items):
        if not isinstance(node, Layer) or node.definition.expression is None:
            return
        yield node.in_shape


def exact_output(subject: Subject) -> str:
    """The mirror ends at exactly the shape at which the model begins."""
    shape = tuple(_run(subject.whole)[0].shape[1:])
    expected = subject.model.input_shape
    assert shape == expected, f"{subject.whole.name} ends at {describe(shape)} instead of {describe(expected)}"
    return describe(shape)


def parameter_counts(subject: Subject) -> str:
    """Each class, and each of its blocks, has the parameters that were counted."""
    totals = []
    for part in subject.parts:
        if part.network is None:
            continue
        instance = part.build()
        for name, node in _named_nodes(part.network):
            _same_count(f"{part.name}.{name}", instance.get_submodule(name), sum(one.parameters for one in layers(node)))
        _same_count(part.name, instance, part.network.parameters)
        totals.append(f"{part.name} {part.network.parameters:,}")
    return ", ".join(totals)


def _named_nodes(network: Network) -> Iterator[tuple[str, Node]]:
    yield from ((line.name, line) for line in network.body.items if isinstance(line, Sequence) and line.name)
    yield from network.heads


def _same_count(name: str, instance: nn.Module, expected: int) -> None:
    found = sum(parameter.numel() for parameter in instance.parameters())
    assert found == expected, f"{name} has {found:,} parameters instead of {expected:,}"


def gradients(subject: Subject) -> str:
    """A backward pass in training mode gives every parameter a finite gradient."""
    count = 0
    for part in subject.parts:
        instance = part.build().train()
        _backward(instance, part.example())
        for name, parameter in instance.named_parameters():
            assert parameter.grad is not None, f"no gradient reaches {part.name}.{name}"
            assert parameter.grad.isfinite().all(), f"the gradient of {part.name}.{name} is not finite"
            count += 1
    return f"{count} tensors"


# As torch's tools see it


def state_dict(subject: Subject) -> str:
    """Saved weights, loaded into a new instance, make it compute the same."""
    import torch

    for part in subject.parts:
        original, other = part.build(), part.build()
        for parameter in other.parameters():
            torch.nn.init.zeros_(parameter)
        file = io.BytesIO()
        torch.save(original.state_dict(), file)
        file.seek(0)
        other.load_state_dict(torch.load(file, weights_only=True))
        _agree(part, original, other)
    return ""


def deep_copy(subject: Subject) -> str:
    """A deep copy computes the same."""
    for part in subject.parts:
        instance = part.build()
        _agree(part, instance, copy.deepcopy(instance))
    return ""


def pickling(subject: Subject) -> str:
    """A pickled instance comes back and computes the same."""

    def check(part: Part, instance: nn.Module) -> None:
        _agree(part, instance, pickle.loads(pickle.dumps(instance)))

    return _unless_parametrized(subject, check, "pickle")


def export(subject: Subject) -> str:
    """torch.export captures each class, and what it captured computes the same."""
    import torch

    for part in subject.parts:
        instance = part.build()
        _agree(part, instance, torch.export.export(instance, (part.example(),)).module())
    return ""


def compiled(subject: Subject) -> str:
    """torch.compile captures each class in one graph, and what it compiled computes the same."""
    import torch

    for part in subject.parts:
        instance = part.build()
        torch.compiler.reset()
        _agree(part, instance, torch.compile(instance, fullgraph=True, backend=subject.backend))
    return f"backend {subject.backend}"


def scripted(subject: Subject) -> str:
    """torch.jit.script compiles each class, and what it compiled computes the same."""
    import torch

    def check(part: Part, instance: nn.Module) -> None:
        _agree(part, instance, torch.jit.script(instance))

    return _unless_parametrized(subject, check, "script")


def bfloat16(subject: Subject) -> str:
    """Forward and backward pass under autocast to bfloat16 give finite numbers."""
    import torch

    for part in subject.parts:
        instance = part.build().train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            _backward(instance, part.example())
        for name, parameter in instance.named_parameters():
            finite = parameter.grad is not None and bool(parameter.grad.isfinite().all())
            assert finite, f"the gradient of {part.name}.{name} is not finite"
    return ""


def channels_last(subject: Subject) -> str:
    """With weights and images in the memory format channels_last each class computes the same."""
    import torch

    if len(subject.model.input_shape) != 3:
        raise NotApplicable("the format is for maps (C, H, W)")
    for part in subject.parts:
        expected, example = _run(part), part.example()
        instance = part.build().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if example.ndim == 4:
            example = example.contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            _same(part, _tensors(instance(example)), expected)
    return ""


def float64(subject: Subject) -> str:
    """Converted to float64 each class computes the same, more precisely."""
    import torch

    for part in subject.parts:
        with torch.no_grad():
            outputs = _tensors(part.build().double()(part.example().double()))
        assert all(output.dtype == torch.float64 for output in outputs), f"{part.name} does not give float64"
        _same(part, [output.float() for output in outputs], _run(part))
    return ""


QUESTIONS: tuple[tuple[str, Callable[[Subject], str]], ...] = (
    ("shapes at every block", shapes),
    ("output equals input shape", exact_output),
    ("parameter counts", parameter_counts),
    ("gradients reach every parameter", gradients),
    ("state_dict round trip", state_dict),
    ("copy.deepcopy", deep_copy),
    ("pickle", pickling),
    ("torch.export", export),
    ("torch.compile(fullgraph=True)", compiled),
    ("torch.jit.script", scripted),
    ("bfloat16 autocast", bfloat16),
    ("channels_last", channels_last),
    ("float64", float64),
)


# Running and comparing


def _run(part: Part) -> list[Tensor]:
    import torch

    with torch.no_grad():
        return _tensors(part.build()(part.example()))


def _tensors(output: Any) -> list[Tensor]:
    return list(output) if isinstance(output, tuple) else [output]


def _backward(instance: nn.Module, example: Tensor) -> None:
    """A backward pass with a random gradient, because the plain sum of a normalised output has none."""
    import torch

    outputs = _tensors(instance(example))
    torch.autograd.backward(outputs, [torch.randn_like(output) for output in outputs])


def _agree(part: Part, instance: nn.Module, other: Callable[[Tensor], Any]) -> None:
    """Both compute the same, up to the order of additions."""
    import torch

    with torch.no_grad():
        _same(part, _tensors(other(part.example())), _tensors(instance(part.example())))


def _same(part: Part, found: list[Tensor], expected: list[Tensor]) -> None:
    assert len(found) == len(expected), f"{part.name} gives {len(found)} tensors instead of {len(expected)}"
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape, f"{part.name} gives {tuple(one.shape)} instead of {tuple(other.shape)}"
        scale = float(other.abs().max())
        difference = float((one - other).abs().max())
        assert difference <= 1e-3 * scale, f"{part.name} gives numbers that are up to {difference:.2g} off"


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
