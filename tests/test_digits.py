"""The networks of examples/digits learn from the real digits: short versions of the runs in docs/training.md."""

import csv
import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from scripts import live

DIGITS = Path(__file__).parents[1] / "examples" / "digits"
NETS = sorted(path.stem for path in DIGITS.glob("*.dgan"))
STEPS = 40


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits as PNG files, as the script beside the descriptions writes them."""
    folder: Path = tmp_path_factory.mktemp("digits")
    runpy.run_path(str(DIGITS / "digits.py"))["main"](folder)
    return folder


def trained(script: Any, photos: Path, run: Path, *options: str) -> list[dict[str, str]]:
    """The rows of metrics.csv after a run of the script."""
    arguments = ["--data", str(photos), "--out", str(run), "--batch-size", "32", "--workers", "0", *options]
    assert script.main(arguments) == 0
    with (run / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_there_are_1797_of_ten_classes(photos: Path) -> None:
    files = sorted(photos.rglob("*.png"))
    assert len(files) == 1797 and len({file.parent.name for file in files}) == 10
    assert Image.open(files[0]).size == (32, 32)


@pytest.mark.parametrize("net", NETS)
def test_a_network_learns_and_goes_on(net: str, photos: Path, tmp_path: Path) -> None:
    script = live((DIGITS / f"{net}.dgan").read_text(encoding="utf-8"), tmp_path)
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    rows = trained(script, photos, whole, "--steps", str(STEPS))
    falling = script.LOSSES[0]
    losses = [float(row[falling]) for row in rows]
    assert min(losses[1:]) < losses[0] - 0.1 * abs(losses[0]), losses

    trained(script, photos, parted, "--steps", str(STEPS - 17))
    trained(script, photos, parted, "--steps", str(STEPS), "--resume")
    ends = [torch.load(run / "checkpoint.pt", weights_only=True) for run in (whole, parted)]
    assert ends[0].keys() == ends[1].keys()
    for name in script.Trainer(script.training_options(["--data", ""]), script.Process(torch.device("cpu"))).parts:
        torch.testing.assert_close(ends[0][name], ends[1][name], rtol=0, atol=0)

    for picture in (*whole.rglob("step-*.png"), whole / "losses.png"):
        low, high = Image.open(picture).convert("L").getextrema()
        assert low < high, picture
    assert {path.parent.name for path in whole.rglob("step-*.png")} == {
        name.rstrip("/") for name in script.FILES if name.endswith("/")
    }


def test_the_distance_to_the_digits_falls(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = live((DIGITS / "digits_vae.dgan").read_text(encoding="utf-8"), tmp_path)
    trained(script, photos, tmp_path / "run", "--steps", "150", "--kl-warmup", "1", "--sample-every", "1000")
    out = tmp_path / "evaluation.csv"
    arguments = ["--checkpoint", str(tmp_path / "run/checkpoint.pt"), "--data", str(photos), "--out", str(out)]
    assert script.main(["evaluate", *arguments, "--n", "300", "--classifier-steps", "150"]) == 0
    with out.open(newline="") as file:
        distances = {row["samples"]: float(row["frechet"]) for row in csv.DictReader(file)}
    assert distances["half of the data"] < distances["trained"] < distances["untrained"] / 3
