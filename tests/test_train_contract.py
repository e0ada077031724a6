"""Every kind of model of every rank, conditional or not, under its losses and settings: a script that trains it.

What a script holds is used, and the usual tools find nothing in it.
"""

import argparse
import ast
import csv
import itertools
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import black
import numpy
import pytest
import torch
from PIL import Image
from scripts import live, model_of, trainer_of

from dcgan_compiler.codegen import generate_script
from dcgan_compiler.codegen.format import LINE_LENGTH
from dcgan_compiler.codegen.plan import plan
from dcgan_compiler.codegen.render import render
from dcgan_compiler.codegen.script import script as source_of
from dcgan_compiler.kinds import KINDS
from dcgan_compiler.training import LOSSES

INPUTS = {0: "(12,)", 1: "(2, 16)", 2: "(1, 8, 8)", 3: "(1, 8, 4, 8)"}
METHODS = {"gan": ("", "concat", "embedding", "projection", "auxiliary"), "vae": ("", "concat", "embedding")}
# Settings that switch something on or off; beside the defaults
SETTINGS = {
    "gan": ("", "r1 2", "ema 0", "discriminator_steps 2; optimizer sgd", "optimizer adamw(eps=1e-6)"),
    "vae": ("", "kl_warmup 5; beta 2", "optimizer rmsprop(alpha=0.5)"),
    "autoencoder": ("", "noise 0.2", "optimizer sgd(nesterov=true, momentum=0.9)"),
}
SMOOTHING = ("gan", 2, "", "bce", "label_smoothing 0.1; ema 0")
Case = tuple[str, int, str, str, str]


def description(case: Case, input: str = "") -> str:
    """A tiny model of a kind, rank and condition, with a loss and settings."""
    kind, rank, method, loss, settings = case
    first = "conv(4, kernel_size=4, stride=2, padding=1)" if rank else "linear(6)"
    head = f"\n{'flatten -> ' if rank else ''}linear(1)" if kind == "gan" else ""
    return f"""{kind} Tiny {{
        input {input or INPUTS[rank]}
        latent 3
        {f"classes 3; condition {method}" if method else ""}
        {KINDS[kind].source} {{ {first} -> batch_norm -> leaky_relu(0.2){head}
        }}
        train {{ batch_size 6; steps 3; loss {loss}; {settings} }}
        }}"""


def all_cases() -> Iterator[Case]:
    """Everything with everything."""
    for kind, losses in LOSSES.items():
        for method, loss, settings, rank in itertools.product(METHODS.get(kind, ("",)), losses, SETTINGS[kind], INPUTS):
            if not (method and loss.name == "wgan" and "sgd" in settings):  # steps too small to be seen in float32
                yield kind, rank, method, loss.name, settings
    yield SMOOTHING


def some_cases() -> Iterator[Case]:
    """Every kind, rank and condition; losses and settings take turns."""
    for kind in KINDS:
        losses, settings = itertools.cycle(LOSSES[kind]), itertools.cycle(SETTINGS[kind])
        for method, rank in itertools.product(METHODS.get(kind, ("",)), INPUTS):
            yield kind, rank, method, next(losses).name, next(settings)
            if rank == 3:
                next(settings)  # else the fifth loss would always meet the fifth setting
    yield SMOOTHING


ALL, SOME = [*all_cases()], [*some_cases()]
# For tools that take long: every kind, rank, condition and loss
FEW = [
    ("gan", 0, "", "lsgan", "r1 2"),
    ("gan", 1, "concat", "wgan", ""),
    ("gan", 2, "embedding", "wgan_gp", "ema 0"),
    ("gan", 3, "projection", "hinge", ""),
    ("gan", 2, "auxiliary", "bce", "optimizer adamw(eps=1e-6)"),
    SMOOTHING,
    ("vae", 2, "", "bce", "kl_warmup 5; beta 2"),
    ("vae", 0, "concat", "mse", ""),
    ("vae", 1, "embedding", "l1", "optimizer rmsprop(alpha=0.5)"),
    ("autoencoder", 3, "", "mse", ""),
    ("autoencoder", 1, "", "l1", "noise 0.2"),
    ("autoencoder", 2, "", "bce", "optimizer sgd(nesterov=true, momentum=0.9)"),
]


def named(case: Case) -> str:
    """A name for a case that a module can have, too."""
    words = "_".join(map(str, case))
    return "".join(letter if letter.isalnum() else "_" for letter in words)


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An empty folder, and the handlers of signals as they were."""
    monkeypatch.chdir(tmp_path)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def save_data(shape: tuple[int, ...]) -> list[str]:
    """Ten samples of three classes in a file; returns the options of a run on them."""
    samples = numpy.random.default_rng(0).random((10, *shape), dtype=numpy.float32)
    numpy.savez("data.npz", data=samples, labels=numpy.arange(10) % 3)
    return ["--data", "data.npz", "--out", "run", "--workers", "0", "--device", "cpu"]


def check_training(case: Case, folder: Path) -> None:
    """Three steps with finite losses, after which every weight matrix is another."""
    script = live(description(case), folder)
    options = save_data(model_of(description(case)).input_shape)
    assert script.main(options) == 0
    with open("run/metrics.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["step"] == "3"
    assert all(math.isfinite(float(row[name])) for name in script.LOSSES)
    trained = torch.load("run/checkpoint.pt", weights_only=True)
    for name, part in trainer_of(script).parts.items():
        if isinstance(part, torch.nn.Module):
            matrices = {key: value for key, value in part.named_parameters() if value.dim() > 1}
            assert not [key for key, value in matrices.items() if torch.equal(value, trained[name][key])]


@pytest.mark.parametrize("case", SOME, ids=named)
def test_every_kind_rank_and_condition_trains(case: Case, tmp_path: Path) -> None:
    check_training(case, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("case", sorted({*ALL} - {*SOME}), ids=named)
def test_everything_with_everything_trains(case: Case, tmp_path: Path) -> None:
    check_training(case, tmp_path)


@pytest.mark.parametrize("rank", INPUTS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_command_on_samples_of_every_rank(kind: str, rank: int, tmp_path: Path) -> None:
    """Pictures of vectors, waves, images and volumes are there, and not blank."""
    case = kind, rank, "", LOSSES[kind][0].name, ""
    script = live(description(case), tmp_path)
    assert script.main(save_data(model_of(description(case)).input_shape)) == 0
    start = ["--checkpoint", "run/checkpoint.pt"]
    if kind == "autoencoder":
        assert script.main(["reconstruct", *start, "--data", "data.npz"]) == 0
        written = [*Path("reconstructions").iterdir()]
        arrays, count = Path("reconstructions/reconstructions.npy"), 10
    else:
        assert script.main(["sample", *start, "--n", "5"]) == 0
        assert script.main(["interpolate", *start]) == 0
        assert script.main(["evaluate", *start, "--data", "data.npz", "--n", "10", "--classifier-steps", "2"]) == 0
        written = [*Path("samples").iterdir(), Path("walks.png")]
        arrays, count = Path("samples/samples.npy"), 5
    pictures = [path for path in (*written, *Path("run").rglob("*.png")) if path.suffix == ".png"]
    for path in pictures:
        low, high = Image.open(path).convert("L").getextrema()
        assert low < high
    if rank == 2:
        assert len(written) - count in (1, 2)
    else:
        assert numpy.load(arrays).shape == (count, *script.__dict__[f"{NOUNS[rank]}_SHAPE"])


NOUNS = {0: "VECTOR", 1: "SIGNAL", 2: "IMAGE", 3: "VOLUME"}


@pytest.mark.parametrize(("channels", "folders"), [(1, True), (2, False), (3, True), (4, True), (5, False)])
def test_images_of_any_number_of_channels(channels: int, folders: bool, tmp_path: Path) -> None:
    """Those that no picture has are drawn in grey, and come as arrays only."""
    script = live(description(("gan", 2, "", "hinge", ""), f"({channels}, 8, 8)"), tmp_path)
    assert script.main(save_data((channels, 8, 8))) == 0
    assert hasattr(script, "ImageFolder") == folders
    sheet = Image.open("run/samples/step-000003.png")
    assert sheet.mode == {3: "RGB", 4: "RGBA"}.get(channels, "L")
    assert ("no folder" in str(error_of(script))) == folders


def error_of(script: Any) -> Exception:
    """What is said about data at a place that does not exist."""
    with pytest.raises(script.Failure) as error:
        script.open_data("absent", script.Process(torch.device("cpu")))
    return error.value


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
@pytest.mark.parametrize("kind", KINDS)
def test_other_ways_to_be_fast(kind: str, precision: str, tmp_path: Path) -> None:
    """Half precision and the usual memory format change nothing about what is written."""
    case = kind, 2, "", "wgan_gp" if kind == "gan" else LOSSES[kind][0].name, ""
    script = live(description(case), tmp_path)
    options = save_data((1, 8, 8))
    assert script.main([*options, "--precision", precision, "--no-channels-last"]) == 0
    checkpoint = torch.load("run/checkpoint.pt", weights_only=True)
    network = checkpoint["generator" if kind == "gan" else "model"]
    assert {value.dtype for value in network.values() if value.is_floating_point()} == {torch.float32}


# Where the values lie


ENDS = {
    "sigmoid -> unflatten((1, 8, 8))": "[0, 1]",
    "tanh -> unflatten((1, 8, 8))": "[-1, 1]",
    "unflatten((1, 8, 8)) -> residual { conv(1, 1) -> sigmoid }": None,
}


@pytest.mark.parametrize(("end", "interval"), ENDS.items())
def test_bytes_become_what_the_decoder_gives(end: str, interval: str | None, tmp_path: Path) -> None:
    """Layers that only move values do not hide where they lie; a sum has no such bounds."""
    text = f"vae A {{\ninput (1, 8, 8)\nlatent 2\nencoder {{ flatten }}\ndecoder {{ linear(64) -> {end} }}\n}}"
    model = model_of(text)
    assert model.derived.interval == interval
    assert (f" in {interval}" in source_of(model, "model", "train.py")) or interval is None
    script = live(text, tmp_path)
    made = script.as_input(torch.tensor([0, 255], dtype=torch.uint8), script.Process(torch.device("cpu")))
    assert made.tolist() == ([0.0, 1.0] if interval == "[0, 1]" else [-1.0, 1.0])
    assert model.training.loss == ("bce" if interval == "[0, 1]" else "mse")


# What is in a script is used


def unused(code: str) -> set[str]:
    """Functions, classes, constants, methods and options that a script defines and does not mention again."""
    tree = ast.parse(code)
    mentioned = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    mentioned |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    mentioned |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value == "Data"}
    defined = set()
    for statement in tree.body:
        match statement:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                defined.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                defined.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                defined |= {(alias.asname or alias.name).partition(".")[0] for alias in names}
        if isinstance(statement, ast.ClassDef):
            methods = {node.name for node in statement.body if isinstance(node, ast.FunctionDef)}
            defined |= {name for name in methods if not name.startswith("__") and name != "forward"}
    return (defined | {*options(tree)}) - mentioned


def options(tree: ast.Module) -> Iterator[str]:
    """The names that the options of a script have once they are parsed; those of the method stand in a table."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="add_argument"), args=[ast.Constant(value=flag)], keywords=given):
                named = [one.value.value for one in given if one.arg == "dest" and isinstance(one.value, ast.Constant)]
                yield str((named or [flag])[0]).lstrip("-").replace("-", "_")
            case ast.AnnAssign(target=ast.Name(id="SETTINGS"), value=ast.Dict(keys=names)):
                yield from (name.value for name in names if isinstance(name, ast.Constant))


def test_what_is_unused_would_be_found() -> None:
    code = "import os\nA = 1\nSETTINGS: dict = {'lr': 1}\nclass C:\n    def m(self): pass\n"
    code += "def f():\n    parser.add_argument('--some-thing')\n"
    assert unused(code) == {"os", "A", "SETTINGS", "lr", "f", "some_thing", "C", "m"}


def check_use(cases: list[Case]) -> None:
    """Nothing is left over in the scripts for some cases."""
    for case in cases:
        assert unused(source_of(model_of(description(case)), "model", "train.py")) == set(), case


def test_everything_in_a_script_is_used() -> None:
    check_use(SOME)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_everything_in_any_script_is_used(kind: str) -> None:
    check_use([case for case in ALL if case[0] == kind])


@pytest.mark.parametrize("case", FEW, ids=named)
def test_help_shows_every_option(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = live(description(case), tmp_path)
    for command in ([], ["sample"], ["evaluate"]) if case[0] != "autoencoder" else ([], ["reconstruct"]):
        with pytest.raises(SystemExit) as end:
            script.main([*command, "--help"])
        assert end.value.code == 0
        assert "(default: " in capsys.readouterr().out
    options = script.training_options(["--data", "data.npz"])
    assert isinstance(options, argparse.Namespace)
    model = model_of(description(case))
    for name, value in model.training.settings.items():
        if name in vars(options):
            assert getattr(options, name) == value
        else:
            assert value == 0


# The usual tools


def check_with_tools(cases: list[Case], folder: Path) -> None:
    """Ruff and mypy find nothing."""
    files = []
    for case in cases:
        model, name = model_of(description(case)), named(case)
        (folder / f"model_{name}.py").write_text(render("model.py.j2", plan(model)))
        code = generate_script(model, f"model_{name}", f"{name}.py")
        (folder / f"{name}.py").write_text(code)
        files.append(f"{name}.py")
    rules = "E4,E7,E9,F,I,UP,B,D100,D101,D103"
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--target-version", "py311", "--select", rules]
    linted = subprocess.run([*ruff, *files], cwd=folder, capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout
    cache = os.environ.get("MYPY_CACHE_DIR", str(Path(__file__).parents[1] / ".mypy_cache"))
    mypy = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file",
        "",
        "--scripts-are-modules",
        "--cache-dir",
        cache,
    ]
    typed = subprocess.run([*mypy, *files], cwd=folder, capture_output=True, text=True)
    assert typed.returncode == 0, typed.stdout


@pytest.mark.parametrize("case", FEW[::4], ids=named)
def test_black_has_nothing_to_change(case: Case) -> None:
    code = generate_script(model_of(description(case)), "model", "train.py")
    assert black.format_str(code, mode=black.Mode()) == code


@pytest.mark.parametrize("case", FEW, ids=named)
def test_no_docstring_or_comment_is_longer_than_a_line(case: Case) -> None:
    """Black leaves these as they are."""
    lines = source_of(model_of(description(case)), "model", "train.py").splitlines()
    prose = {number for number, line in enumerate(lines) if line.lstrip().startswith("#")}
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            prose |= set(range(node.body[0].lineno - 1, node.body[0].end_lineno or 0))
    assert [lines[number] for number in sorted(prose) if len(lines[number]) > LINE_LENGTH] == []


def test_the_usual_tools_find_nothing(tmp_path: Path) -> None:
    check_with_tools(FEW, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_usual_tools_find_nothing_in_any(kind: str, tmp_path: Path) -> None:
    check_with_tools([case for case in ALL if case[0] == kind], tmp_path)
