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
UNET = """\
autoencoder UNet {
    input (1, 16, 16)
    encoder {
        conv(4, 3, padding=1) -> relu
        conv(8, 4, 2, padding=1) -> batch_norm -> relu
        conv(16, 4, 2, padding=1) -> batch_norm -> relu
    }
    decoder mirror { skips concat }
}
"""


def compiled(text: str) -> tuple[Model, str]:
    compilation = compile_text(text)
    assert compilation.model is not None and compilation.code is not None
    return compilation.model, compilation.code


def results(model: Model, code: str) -> dict[str, Result]:
    return {check.name: check.run() for check in verify(model, code)}


@pytest.mark.parametrize("text", [GAN, VAE, AUTOENCODER, UNET], ids=["gan", "vae", "autoencoder", "skips"])
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


# What is wrong, in which class, what is replaced by what, the check that finds it, and how its remark begins.
DEFECTS = {
    "a name that is not there": ("Generator", "nn.Tanh()", "nn.Tanhh()", "import", "AttributeError: "),
    "no Python": ("Generator", "class", "klass", "import", "SyntaxError: "),
    "another class name": ("Generator", "Generator", "Generater", "import", "AttributeError: "),
    "a wrong kernel": (
        "Generator",
        "kernel_size=4",
        "kernel_size=5",
        "shapes at every block",
        "Generator.block1 gives (16, 5, 5) instead of (16, 4, 4)",
    ),
    "a block that is left out": (
        "Discriminator",
        "x = self.block2(x)",
        "x = x.repeat(1, 2, 1, 1)[..., ::2, ::2]",
        "shapes at every block",
        "Discriminator.block2 does not run",
    ),
    "a stretched output": (
        "Generator",
        "return x",
        "return nn.functional.pad(x, [4] * 4)",
        "output equals input shape",
        "Generator ends at (3, 24, 24) instead of (3, 16, 16)",
    ),
    "a missing layer": (
        "Discriminator",
        "            nn.BatchNorm2d(16),\n",
        "",
        "parameter counts",
        "Discriminator.block2 has 2,048 parameters instead of 2,080",
    ),
    "an extra layer": (
        "Discriminator",
        "        self.head =",
        "        self.extra = nn.Linear(1, 1)\n        self.head =",
        "parameter counts",
        "Discriminator has 2,722 parameters instead of 2,720",
    ),
    "a gradient that stops": (
        "Discriminator",
        "x = self.head(x)",
        "x = self.head(x.detach())",
        "gradients reach every parameter",
        "no gradient reaches Discriminator.block1.0.weight",
    ),
    "a gradient that explodes": (
        "Discriminator",
        "x = self.head(x)",
        "x = self.head(x * float('inf'))",
        "bfloat16 autocast",
        "the gradient of Discriminator.block1.0.weight is not finite",
    ),
    "weights that are not saved": (
        "Discriminator",
        "x = self.head(x)",
        "x = self.head(x) * self.__dict__.setdefault('scale', torch.rand(()))",
        "state_dict round trip",
        "Discriminator gives numbers that are up to ",
    ),
    "numbers that change": (
        "Generator",
        "return x",
        "return x * torch.rand(())",
        "copy.deepcopy",
        "Generator gives numbers that are up to ",
    ),
    "an attribute that can not be pickled": (
        "Generator",
        "        self.head =",
        "        self.secret = lambda: 0\n        self.head =",
        "pickle",
        "",
    ),
    "a shape that depends on values": (
        "Generator",
        "return x",
        "return x if x.sum() > 0 else -x",
        "torch.export",
        "",
    ),
    "a break in the graph": (
        "Discriminator",
        "x = self.block2(x)",
        "torch._dynamo.graph_break()\n        x = self.block2(x)",
        "torch.compile(fullgraph=True)",
        "",
    ),
    "Python that can not be scripted": (
        "Generator",
        "return x",
        "return [*map(torch.neg, [-x])][0]",
        "torch.jit.script",
        "",
    ),
    "a memory layout that is taken for granted": (
        "Discriminator",
        "return x.flatten(1)",
        "return x.flatten(1) * image.stride(1)",
        "channels_last",
        "Discriminator gives numbers that are up to ",
    ),
    "a number format that is taken for granted": (
        "Discriminator",
        "return x.flatten(1)",
        "return x.flatten(1).float()",
        "float64",
        "Discriminator does not give float64",
    ),
}


@pytest.mark.parametrize(("half", "old", "new", "name", "remark"), DEFECTS.values(), ids=DEFECTS.keys())
def test_a_defect_is_found(half: str, old: str, new: str, name: str, remark: str) -> None:
    model, code = compiled(GAN)
    before, start, rest = code.partition(f"class {half}")
    assert old in start + rest
    broken = before + (start + rest).replace(old, new, 1)
    found = {check.name: check.run() for check in verify(model, broken) if check.name in ("import", name)}
    assert found[name].status == FAILED
    assert found[name].remark.startswith(remark)


def test_every_check_can_fail() -> None:
    asked = [check.name for check in verify(*compiled(GAN)) if check.name != "import" or check.run()]
    assert set(asked) == {name for _, _, _, name, _ in DEFECTS.values()}


def test_nothing_follows_a_failed_import() -> None:
    model, code = compiled(GAN)
    for broken in (code.replace("nn.Tanh()", "nn.Tanhh()"), code.replace("class Generator", "class Generater")):
        assert list(results(model, broken)) == ["import"]


def test_parametrized_modules_can_not_be_pickled_or_scripted() -> None:
    found = results(*compiled(GAN.replace("bias=false)", "bias=false, spectral_norm=true)")))
    assert {name for name, (status, _) in found.items() if status == NOT_APPLICABLE} == {"pickle", "torch.jit.script"}
    assert {name: remark for name, (status, remark) in found.items() if status == FAILED} == {}
    assert found["pickle"].remark == "torch can not pickle spectral_norm or weight_norm, in Discriminator"


def test_a_compiled_volume_and_signal_pass() -> None:
    for shape in ("(1, 16)", "(1, 16, 16, 16)"):
        found = results(*compiled(GAN.replace("(3, 16, 16)", shape)))
        assert {name for name, (status, _) in found.items() if status != PASSED} == {"channels_last"}


# The command


def test_the_command_reports_each_check(tmp_path: Path) -> None:
    (tmp_path / "net.dgan").write_text(AUTOENCODER)
    result = CliRunner().invoke(main, ["verify", str(tmp_path / "net.dgan")])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == """\
import                           ok      Encoder, Decoder, Autoencoder
shapes at every block            ok      4 blocks
output equals input shape        ok      (12)
parameter counts                 ok      Encoder 131, Decoder 140
gradients reach every parameter  ok      8 tensors
state_dict round trip            ok
copy.deepcopy                    ok
pickle                           ok
torch.export                     ok
torch.compile(fullgraph=True)    ok      backend eager
torch.jit.script                 ok
bfloat16 autocast                ok
channels_last                    n.a.    the format is for maps (C, H, W)
float64                          ok
"""


def test_the_command_fails_where_a_check_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.dgan").write_text(AUTOENCODER)
    code = compiled(AUTOENCODER)[1] + "\nraise OSError\n"
    monkeypatch.setattr("dcgan_compiler.codegen.generate", lambda model: code)
    result = CliRunner().invoke(main, ["verify", str(tmp_path / "net.dgan")])
    assert result.exit_code == 1
    assert result.stdout == "import                           FAILED  OSError:\n"


def test_a_checkout_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.dgan").write_text(AUTOENCODER)
    monkeypatch.setitem(sys.modules, "torch", None)
    result = CliRunner().invoke(main, ["verify", str(tmp_path / "net.dgan")], prog_name="dcganc")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith(
        "Error: verify runs the code, and torch is not installed: pip install 'dcganc[torch]'\n"
    )


def test_a_wrong_description_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "net.dgan").write_text(AUTOENCODER.replace("linear(8)", "linear(0)"))
    result = CliRunner().invoke(main, ["verify", str(tmp_path / "net.dgan")])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error[DG201]")


@pytest.mark.parametrize(
    "encoder",
    [
        "repeat 3 { conv(2, 3, padding=1) -> relu -> max_pool(2) }",  # a line that is cut by its skip connections
        "max_pool(2)\nconv(2, 4, stride=2, padding=1) -> relu",  # one that starts at what has no gradient
    ],
)
def test_skip_connections_raise_no_false_alarm(encoder: str) -> None:
    text = f"autoencoder A {{\ninput (1, 16, 16)\nencoder {{\n{encoder}\n}}\ndecoder mirror {{\nskips concat\n}}\n}}"
    for name, (status, remark) in results(*compiled(text)).items():
        assert status != FAILED, f"{name}: {remark}"


def test_whole_numbers_are_floats_where_torch_declares_floats() -> None:
    """torch.jit.script takes no int there."""
    chain = "leaky_relu(1) -> dropout(0) -> elu(2) -> hardtanh(-2, 2) -> rms_norm(1) -> batch_norm(1, 1)"
    text = f"autoencoder A {{\ninput (4)\nencoder {{ linear(4, bias=false) -> {chain} }}\n}}"
    assert results(*compiled(text))["torch.jit.script"].status == PASSED


def test_a_label_and_a_stored_argument_of_a_class_have_different_names() -> None:
    body = "repeat 2 { concat { branch { } branch { out_channels: conv(4, 3, padding=1) -> relu; relu } } }"
    found = results(*compiled(f"autoencoder A {{\ninput (3, 8, 8)\nencoder {{ {body} }}\n}}"))
    assert FAILED not in {status for status, _ in found.values()}


def test_an_argument_of_a_block_may_be_called_super() -> None:
    body = "block Down(c, super=2) { conv(c, super) }\nencoder { Down(4) -> Down(6, 3) }"
    found = results(*compiled(f"autoencoder A {{\ninput (3, 8, 8)\n{body}\n}}"))
    assert FAILED not in {status for status, _ in found.values()}
