"""The gallery: published networks have their published counts and shapes, and mirrors that end where they began.

Where no count is published, a module that is written here from the paper, without the compiler, gives it.
"""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from dcgan_compiler.compiler import analyse, compile_file
from dcgan_compiler.ir import Model, Sequence
from dcgan_compiler.source import Source

GALLERY = Path(__file__).parents[1] / "examples" / "gallery"
FILES = sorted(path.stem for path in GALLERY.glob("*.dgan"))

# Parameters of the described half, as published for the reference implementations.
PUBLISHED = {
    "convnext_tiny": 27_818_592,
    "densenet121": 6_953_856,
    "efficientnet_b0": 4_007_548,
    "googlenet": 5_599_904,
    "mobilenet_v2": 2_223_872,
    "patchgan70": 2_765_633,
    "patchgan70_instance": 2_764_737,
    "resnet18": 11_176_512,
    "resnet50": 23_508_032,
    "sngan32": 1_053_825,
    "sngan64": 10_141_441,
    "sngan128": 29_017_857,
    "vgg11_bn": 9_225_984,
}

# Input size -> what each line gives, as channels@size. The second sizes are odd on the way down.
SHAPES = {
    "beta_vae_celeba": {(64, 64): "32@16 64@4 256"},
    "biggan128": {
        (128, 128): "96@64 96@64 192@32 384@16 768@8 1536@4 1536@4 1",
        (125, 131): "96@62x65 96@62x65 192@31x32 384@15x16 768@7x8 1536@3x4 1536@3x4 1",
    },
    "convnext_tiny": {(224, 224): "96@56 96@56 192@28 384@14 768@7", (229, 229): "96@57 96@57 192@28 384@14 768@7"},
    "densenet121": {(224, 224): "64@56 128@28 256@14 512@7 1024@7", (97, 97): "64@25 128@12 256@6 512@3 1024@3"},
    "efficientnet_b0": {
        (224, 224): "32@112 16@112 24@56 40@28 80@14 112@14 192@7 320@7 1280@7",
        (229, 229): "32@115 16@115 24@58 40@29 80@15 112@15 192@8 320@8 1280@8",
    },
    "googlenet": {
        (224, 224): "64@56 64@56 192@28 480@14 832@7 1024@7",
        (97, 97): "64@24 64@24 192@12 480@6 832@3 1024@3",
    },
    "mobilenet_v2": {
        (224, 224): "32@112 16@112 24@56 32@28 64@14 96@14 160@7 320@7 1280@7",
        (97, 97): "32@49 16@49 24@25 32@13 64@7 96@7 160@4 320@4 1280@4",
    },
    "patchgan70": {
        (256, 256): "64@128 128@64 256@32 512@31 1@30",
        (65, 97): "64@32x48 128@16x24 256@8x12 512@7x11 1@6x10",
    },
    "patchgan70_instance": {(256, 256): "64@128 128@64 256@32 512@31 1@30"},
    "progan1024": {
        (1024, 1024): "16@1024 32@512 64@256 128@128 256@64 512@4 512@4 512@1 1",
        (1037, 1037): "16@1037 32@518 64@259 128@129 256@64 512@4 512@4 512@1 1",
    },
    "resnet18": {(224, 224): "64@56 64@56 128@28 256@14 512@7", (65, 65): "64@17 64@17 128@9 256@5 512@3"},
    "resnet50": {(224, 224): "64@56 256@56 512@28 1024@14 2048@7", (65, 65): "64@17 256@17 512@9 1024@5 2048@3"},
    "resnet_vae32": {(32, 32): "16@32 16@32 32@16 64@8", (33, 45): "16@33x45 16@33x45 32@17x23 64@9x12"},
    "sagan64": {
        (64, 64): "64@32 64@32 128@16 256@8 512@4 512@4 1",
        (67, 61): "64@33x30 64@33x30 128@16x15 256@8x7 512@4x3 512@4x3 1",
    },
    "sngan32": {(32, 32): "128@16 128@8 128@8 128@8 1", (45, 33): "128@22x16 128@11x8 128@11x8 128@11x8 1"},
    "sngan32_projection": {(32, 32): "128@16 128@8 128@8 128@8 1", (45, 33): "128@22x16 128@11x8 128@11x8 128@11x8 1"},
    "sngan64": {(64, 64): "64@32 128@16 256@8 512@4 1024@2 1"},
    "sngan128": {(128, 128): "64@64 128@32 256@16 512@8 1024@4 1024@4 1"},
    "unet256": {
        (256, 256): "64@256 128@128 256@64 512@32 1024@16",
        (229, 131): "64@229x131 128@114x65 256@57x32 512@28x16 1024@14x8",
    },
    "vgg11_bn": {(224, 224): "64@112 128@56 256@28 512@14 512@7", (65, 65): "64@32 128@16 256@8 512@4 512@2"},
}

CASES = [pytest.param(name, size, id=f"{name}-{size[0]}x{size[1]}") for name in SHAPES for size in SHAPES[name]]


@cache
def counts(name: str) -> tuple[int, int]:
    """The parameters of the described half and of its mirror."""
    path = GALLERY / f"{name}.dgan"
    model = analyse(Source(path.name, path.read_text(encoding="utf-8"))).model
    assert model is not None
    return model.source.parameters, model.derived.parameters


def run(name: str, size: tuple[int, ...]) -> tuple[Model, SimpleNamespace]:
    """The model of a gallery file at an input size, and what its generated code defines."""
    compilation = compile_file(GALLERY / f"{name}.dgan", input_shape=(3, *size))
    assert compilation.model is not None and compilation.code is not None, compilation.diagnostics
    namespace: dict[str, object] = {"__name__": name}
    exec(compile(compilation.code, f"{name}.py", "exec"), namespace)
    return compilation.model, SimpleNamespace(**namespace)


def stages(body: Sequence) -> str:
    """The output shapes of the lines of a body that have a name."""
    return " ".join(short(line.out_shape) for line in body.items if isinstance(line, Sequence) and line.name)


def short(shape: tuple[int, ...]) -> str:
    channels, *size = shape
    sides = size[:1] if len(set(size)) == 1 else size
    return f"{channels}@{'x'.join(map(str, sides))}" if size else str(channels)


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_every_file_is_tested() -> None:
    assert sorted(SHAPES) == FILES
    assert sorted([*PUBLISHED, *REFERENCES]) == FILES


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_the_count_is_the_published_one(name: str) -> None:
    assert counts(name)[0] == PUBLISHED[name]


@pytest.mark.parametrize(("name", "size"), CASES)
def test_both_halves_have_the_shapes_of_the_paper_and_of_torch(name: str, size: tuple[int, ...]) -> None:
    model, code = run(name, size)
    assert stages(model.source.body) == SHAPES[name][size]
    assert model.derived.out_shape == model.input_shape == (3, *size)
    image = (2, 3, *size)
    with torch.device("meta"):
        if model.kind == "gan":
            first, second = code.Discriminator(), code.Generator()
            classes = [torch.zeros(2, dtype=torch.int64)] if model.condition else []
            assert first(torch.empty(image), *classes).shape == (2, *model.source.out_shape)
            assert second(torch.empty(2, model.latent), *classes).shape == image
        else:
            whole = code.VAE() if model.kind == "vae" else code.Autoencoder()
            first, second = whole.encoder, whole.decoder
            result = whole(torch.empty(image))
            assert (result[0] if model.kind == "vae" else result).shape == image
    assert parameters(first) == model.source.parameters
    assert parameters(second) == model.derived.parameters


def test_the_list_names_every_network_with_its_counts() -> None:
    text = (GALLERY / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"\[`(\w+)\.dgan`\].*?\| *([\d,]+) *\| *([\d,]+) *\|", text)
    assert sorted(listed) == [(name, *(f"{count:,}" for count in counts(name))) for name in FILES]


# References, written from the papers


def conv(channels: int, out: int, kernel: int = 3, **options: object) -> nn.Conv2d:
    return nn.Conv2d(channels, out, kernel, padding=kernel // 2, **options)


class GanBlock(nn.Module):
    """A residual block of a discriminator; it has a projection where it halves the map."""

    def __init__(self, channels: int, out: int, down: bool = True) -> None:
        super().__init__()
        self.body = nn.ModuleList([conv(channels, out), conv(out, out)])
        self.skip = conv(channels, out, 1) if down else None


class Attention(nn.Module):
    """Equation (1) to (3) of Zhang et al.: W_f, W_g, W_h to an eighth of the channels, W_v back, and gamma."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.f, self.g, self.h = (conv(channels, channels // 8, 1, bias=False) for _ in range(3))
        self.v = conv(channels // 8, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(1))


def gan_discriminator(width: int, *factors: int) -> nn.Module:
    """Attention after the first block; the last block keeps the size."""
    widths = [width * factor for factor in factors]
    blocks = [GanBlock(channels, out) for channels, out in zip([3, *widths], widths, strict=False)]
    return nn.ModuleList(
        [*blocks, Attention(width), GanBlock(widths[-1], widths[-1], down=False), nn.Linear(widths[-1], 1)]
    )


def progan_critic() -> nn.Module:
    """Table 2 of Karras et al.: 23.1M parameters."""
    widths = [16, 32, 64, 128, 256, 512, 512, 512, 512]
    pairs = zip(widths, widths[1:], strict=False)
    blocks = [nn.ModuleList([conv(channels, channels), conv(channels, out)]) for channels, out in pairs]
    return nn.ModuleList([conv(3, 16, 1), *blocks, conv(513, 512), conv(512, 512, 4), nn.Linear(512, 1)])


class CifarBlock(nn.Module):
    """A block of the ResNets for CIFAR-10, with a projection where the width changes."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.body = nn.ModuleList([conv(channels, out, bias=False), nn.BatchNorm2d(out)])
        self.body.extend([conv(out, out, bias=False), nn.BatchNorm2d(out)])
        if channels != out:
            self.skip = nn.ModuleList([conv(channels, out, 1, bias=False), nn.BatchNorm2d(out)])


def resnet20_encoder() -> nn.Module:
    widths = [16] * 4 + [32] * 3 + [64] * 3
    blocks = [CifarBlock(channels, out) for channels, out in zip(widths, widths[1:], strict=False)]
    heads = [nn.Linear(64 * 8 * 8, 128) for _ in range(2)]
    return nn.ModuleList([conv(3, 16, bias=False), nn.BatchNorm2d(16), *blocks, *heads])


def unet_encoder() -> nn.Module:
    widths = [3, 64, 128, 256, 512, 1024]
    pairs = zip(widths, widths[1:], strict=False)
    return nn.ModuleList(nn.ModuleList([conv(channels, out), conv(out, out)]) for channels, out in pairs)


def beta_vae_encoder() -> nn.Module:
    widths = [3, 32, 32, 64, 64]
    convs = [conv(channels, out, 4) for channels, out in zip(widths, widths[1:], strict=False)]
    return nn.ModuleList([*convs, nn.Linear(64 * 4 * 4, 256), nn.Linear(256, 32), nn.Linear(256, 32)])


def projection_discriminator() -> nn.Module:
    """The ResNet of Miyato et al. for 32x32 images, with a vector for each of ten classes beside its linear layer."""
    blocks = [GanBlock(3, 128), GanBlock(128, 128), GanBlock(128, 128, down=False), GanBlock(128, 128, down=False)]
    return nn.ModuleList([*blocks, nn.Linear(128, 1), nn.Embedding(10, 128)])


REFERENCES: dict[str, Callable[[], nn.Module]] = {
    "beta_vae_celeba": beta_vae_encoder,
    "biggan128": lambda: gan_discriminator(96, 1, 2, 4, 8, 16),
    "progan1024": progan_critic,
    "resnet_vae32": resnet20_encoder,
    "sngan32_projection": projection_discriminator,
    "sagan64": lambda: gan_discriminator(64, 1, 2, 4, 8),
    "unet256": unet_encoder,
}


@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_the_count_is_that_of_a_module_written_from_the_paper(name: str) -> None:
    with torch.device("meta"):
        reference = REFERENCES[name]()
    assert counts(name)[0] == parameters(reference)
