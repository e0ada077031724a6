"""`dcganc verify`: sound code passes every check, and each defect is found by the check that is for it."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from dcgan_compiler.cli import main
from dcgan_compiler.compiler import compile_text
from dcgan_compiler.ir import Model
from dcgan_compiler.verify import FAILED, NOT_APPLICABLE, PASSED, Result, verify

GAN = """\
gan Tiny {
    input (3, 16, 16)
    latent 10
    default conv(kernel_size=4, stride=2, padding=1, bias=false)
    discriminator {
        conv(8) -> leaky_relu(0.2)
        conv(16) -> batch_norm -> leaky_relu(0.2)
        conv(1, stride=1, padding=0)
    }
}
"""
VAE = """\
vae Small {
    input (1, 8, 8)
    latent 4
    encoder {
        conv(8, 3, 2, padding=1) -> batch_norm -> relu
        flatten
    }
}
"""
AUTOENCODER = """\
autoencoder Flat {
    input (12)
    encoder {
        linear(8) -> relu
        linear(3)
    }
}
"""


def compiled(text: str) -> tuple[Model, str]:
    compilation = compile_text(text)
    assert compilation.model is not None and compilation.code is not None
    return compilation.model, compilation.code


def results(model: Model, code: str) -> dict[str, Result]:
    return {check.name: check.run() for check in verify(model, code)}


def failures(model: Model, code: str) -> dict[str, str]:
    return {name: remark for name, (status, remark) in results(model, code).items() if status == FAILED}


@pytest.mark.parametrize("text", [GAN, VAE, AUTOENCODER], ids=["gan", "vae", "autoencoder"])
def test_sound_code_passes(text: str) -> None:
    found = results(*compiled(text))
    assert len(found) == 14
    for name, (status, remark) in found.items():
        flat = name == "channels_last" and text is AUTOENCODER
        assert status == (NOT_APPLICABLE if flat else PASSED), f"{name}: {remark}"


def test_nothing_is_left_behind() -> None:
    before = set(sys.modules)
    checks = verify(*compiled(AUTOENCODER))
    subject = next(checks).subject
    subject.import_file()
    checks.close()
    assert not subject.path.exists()
    assert not [name for name in set(sys.modules) - before if "dcganc_" in name]


DEFECTS = {
    "a wrong kernel": (
        "nn.ConvTranspose2d(10, 16, kernel_size=4, bias=False)",
        "nn.ConvTranspose2d(10, 16, kernel_size=5, bias=False)",
        "shapes at every block",
        "Generator.block1 gives (16, 5, 5) instead of (16, 4, 4)",
    ),
    "a stretched output": (
        "x = self.block1(",
        "x = nn.functional.pad(self.block1(",
        "output equals input shape",
        "Generator ends at (3, 24, 24) instead of (3, 16, 16)",
    ),
    "a missing layer": (
        "            nn.BatchNorm2d(16),\n",
        "",
        "parameter counts",
        "Discriminator.block2 has 2,048 parameters instead of 2,080",
    ),
    "a gradient that stops": (
        "x = self.block2(",
        "x = self.block2.requires_grad_(False)(",
        "gradients reach every parameter",
        "no gradient reaches Discriminator.block2.0.weight",
    ),
    "a number in the wrong format": (
        "x = self.block2(",
        "x = self.block2.float()(1.0 * ",
        "float64",
        "",
    ),
    "a name that is not there": ("nn.Tanh()", "nn.Tanhh()", "import", "AttributeError: "),
    "code that is none": ("class Generator", "klass Generator", "import", "SyntaxError: "),
    "another class name": ("class Generator", "class Generater", "import", "AttributeError: "),
    "a break in the graph": (
        "x = self.block1(",
        "print(end='')\n        torch._dynamo.graph_break()\n        x = self.block1(",
        "torch.compile(fullgraph=True)",
        "",
    ),
    "something that can not be pickled": (
        "        self.block1 =",
        "        self.secret = lambda: 0\n        self.block1 =",
        "pickle",
        "",
    ),
    "numbers that change": (
        "x = self.block1(",
        "x = torch.rand(()) * self.block1(",
        "copy.deepcopy",
        "Discriminator gives numbers that are up to ",
    ),
}


@pytest.mark.parametrize(("old", "new", "check", "remark"), DEFECTS.values(), ids=DEFECTS.keys())
def test_a_defect_is_found(old: str, new: str, check: str, remark: str) -> None:
    model, code = compiled(GAN)
    assert old in code
    if check == "output equals input shape":
        start = code.index("class Generator")
        broken = code[:start] + code[start:].replace("return self.head(x)", "return nn.functional.pad(self.head(x), [4] * 4)")
    else:
        broken = code.replace(old, new, 1)
    found = failures(model, broken)
    assert found[check].startswith(remark)
    assert (len(found) == 1) or check != "import"
