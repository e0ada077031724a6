"""The generated source: fresh in the repository, clean to the usual tools, right when it runs."""

import runpy
import subprocess
import sys
from pathlib import Path

import black
import pytest
import torch
from generated import EXAMPLES, check_gradients, check_on_meta, compiled
from hypothesis import HealthCheck, assume, given, settings
from programs import programs
from torch import nn

from dcgan_compiler.codegen.format import fit
from dcgan_compiler.compiler import compile_file, compile_text
from dcgan_compiler.output import sign

DIGITS = [path for path in EXAMPLES if path.parent.name == "digits"]
SMALL = [path for path in EXAMPLES if path.parent.name == "examples"]
slow_to_draw = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_generated_file_beside_an_example_is_up_to_date(path: Path) -> None:
    code = compile_file(path).code
    assert code is not None
    assert path.with_suffix(".py").read_text(encoding="utf-8") == sign(code)


@pytest.mark.parametrize("path", DIGITS, ids=lambda path: path.stem)
def test_the_training_script_beside_an_example_is_up_to_date(path: Path) -> None:
    script = path.with_name(f"{path.stem}_train.py")
    assert script.read_text(encoding="utf-8") == sign(compile_file(path).script(path.stem, script.name))


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_the_counts_of_the_readme_are_true(path: Path) -> None:
    """The README has the published counts; here they meet those that are inferred, which torch confirms below."""
    model = compile_file(path).model
    assert model is not None
    readme = (path.parent / "README.md").read_text(encoding="utf-8")
    counts = f"{model.source.parameters:,} | {model.derived.parameters:,}"
    assert f"| [{path.stem}]({path.name}) | {counts} |" in readme


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_black_has_nothing_to_change(path: Path) -> None:
    code = path.with_suffix(".py").read_text(encoding="utf-8")
    assert black.format_str(code, mode=black.Mode()) == code


def test_names_of_every_length_leave_the_code_in_blacks_style() -> None:
    """Lines of code that fit by a hair, and those that just do not."""
    names = ["a" * length for length in range(1, 65)]
    body = "residual { conv(NAME, kernel_size=1) -> conv(4, kernel_size=1) }"
    blocks = "\n".join(f"block B{len(name)}({name}) {{ {body.replace('NAME', name)} }}" for name in names)
    calls = "\n".join(f"B{len(name)}(2)\nB{len(name)}(3)" for name in names)
    lines = "\n".join(f"{name}: conv(4, kernel_size=3, padding=1)" for name in names)
    code = compile_text(f"autoencoder Net {{ input (4, 8, 8)\n{blocks}\nencoder {{ {calls}\n{lines} }} }}").code
    assert code is not None
    assert black.format_str(code, mode=black.Mode()) == code
    assert {87, 88} <= {len(line) for line in code.splitlines()}


@pytest.mark.parametrize("indent", [0, 4, 8])
def test_only_a_statement_that_does_not_fit_goes_to_black(indent: int) -> None:
    """Black takes a millisecond for each, and would change the quotes of this one."""
    statement = f"x = '{'a' * (88 - indent - 6)}'"
    assert fit(statement, indent) == indent * " " + statement
    assert '"' in fit(f"x{statement}", indent)


def test_ruff_and_mypy_find_nothing() -> None:
    files = [str(path.with_suffix(".py")) for path in EXAMPLES]
    rules = "E4,E7,E9,F,I,UP,D100,D101,D103"
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--target-version", "py311", "--select", rules]
    linted = subprocess.run([*ruff, *files], capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--scripts-are-modules"]
    typed = subprocess.run([*mypy, *files], capture_output=True, text=True)
    assert typed.returncode == 0, typed.stdout


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_running_the_file_checks_it(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(path.with_suffix(".py")), run_name="__main__")
    output = capsys.readouterr().out
    assert output.endswith("One forward and one backward pass succeeded.\n")


# Random programs


def check_bytes_and_meta(text: str) -> None:
    """What is accepted gives the same bytes twice, in black's style, and code with the inferred shapes and counts."""
    compilation = compile_text(text)
    assume(compilation.model is not None)
    assert compilation.code is not None
    assert compile_text(text).code == compilation.code
    assert black.format_str(compilation.code, mode=black.Mode()) == compilation.code
    check_on_meta(*compiled(text))


@settings(slow_to_draw, max_examples=120)
@given(programs(damaged=False))
def test_random_programs_run_on_meta(text: str) -> None:
    check_bytes_and_meta(text)


@settings(slow_to_draw, max_examples=60)
@given(programs(damaged=False))
def test_random_programs_train(text: str) -> None:
    assume(compile_text(text).model is not None)
    assume(check_gradients(*compiled(text)))


# Training


def test_a_gan_trains() -> None:
    """Both losses stay finite and every parameter moves."""
    _, made = compiled((SMALL[0].parent / "dcgan28.dgan").read_text(encoding="utf-8"))
    torch.manual_seed(0)
    generator, discriminator = made.Generator(), made.Discriminator()
    before = [p.detach().clone() for half in (generator, discriminator) for p in half.parameters()]
    optimizers = [
        torch.optim.Adam(half.parameters(), lr=2e-4, betas=(0.5, 0.999)) for half in (generator, discriminator)
    ]
    loss = nn.BCEWithLogitsLoss()
    real = torch.rand(8, *made.IMAGE_SHAPE) * 2 - 1
    for _ in range(3):
        noise = torch.randn(8, made.LATENT_DIM)
        optimizers[1].zero_grad()
        fake = generator(noise)
        scores = discriminator(real), discriminator(fake.detach())
        (loss(scores[0], torch.ones(8, 1)) + loss(scores[1], torch.zeros(8, 1))).backward()
        optimizers[1].step()
        optimizers[0].zero_grad()
        fooled = loss(discriminator(fake), torch.ones(8, 1))
        fooled.backward()
        optimizers[0].step()
        assert torch.isfinite(fooled)
    after = [p for half in (generator, discriminator) for p in half.parameters()]
    assert all(not torch.equal(old, new) for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize("name", ["vae_mlp.json", "pooled.dgan"])
def test_an_autoencoder_learns(name: str) -> None:
    """A few steps on flat images, each of its own brightness, make the reconstruction better."""
    compilation = compile_file(SMALL[0].parent / name)
    assert compilation.model is not None and compilation.code is not None
    namespace: dict[str, type[nn.Module]] = {}
    exec(compilation.code, namespace)
    torch.manual_seed(0)
    model = namespace["VAE" if compilation.model.kind == "vae" else "Autoencoder"]()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batch = torch.linspace(0, 1, 16).reshape(16, *(1 for _ in compilation.model.input_shape))
    batch = batch.expand(16, *compilation.model.input_shape)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        output = model(batch)
        loss = nn.functional.mse_loss(output[0] if isinstance(output, tuple) else output, batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
