"""Runs of a training script: what they write, how they end and go on, and what bad data and bad files are told."""

import csv
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image
from scripts import fork, image_net, live

DATASETS = '''
import random

import numpy
import torch


class Moving:
    """Samples that are never the same twice, by random numbers of every kind."""

    def __len__(self):
        return 17

    def __getitem__(self, index):
        torch_noise = torch.rand(1, 8, 8)
        return torch_noise * random.random() + float(numpy.random.random()) + index / 17, index % 2


class Spoilt:
    """Samples of which the last is no number."""

    def __len__(self):
        return 17

    def __getitem__(self, index):
        return torch.full((1, 8, 8), float("nan") if index == 16 else index / 17), 0


def shifted():
    return [torch.zeros(1, 8, 9)] * 4


def unlabelled():
    return [torch.zeros(1, 8, 8)] * 4


def scores(batch):
    return batch.flatten(1)[:, :5]
'''


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An empty folder with a module of data sets in it; what a script does to signals and the path is undone."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "datasets.py").write_text(DATASETS)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    path = [*sys.path]
    yield
    sys.path[:] = path
    sys.modules.pop("datasets", None)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Scripts of tiny models of 8x8 images."""
    texts = {
        "gan": image_net("gan", norm="batch_norm"),
        "plain": image_net("gan", train="discriminator_steps 2; loss wgan_gp"),
        "colour": image_net("gan", channels=3),
        "conditional": image_net("gan", "classes 2", "condition projection", norm="batch_norm"),
        "vae": image_net("vae"),
        "conditional vae": image_net("vae", "classes 2"),
        "autoencoder": image_net("autoencoder", train="noise 0.1"),
    }
    folder = tmp_path_factory.mktemp("scripts")
    return {name: live(text, folder) for name, text in texts.items()}


def numbers(count: int = 20, channels: int = 1) -> Any:
    """Samples in [0, 1]."""
    return numpy.random.default_rng(0).random((count, channels, 8, 8), dtype=numpy.float32)


@pytest.fixture
def data(tmp_path: Path) -> str:
    """Twenty samples with labels of two classes."""
    numpy.savez(tmp_path / "data.npz", data=numbers(), labels=numpy.arange(20) % 2)
    return "data.npz"


def arguments(data: str, steps: int, *more: str, out: str = "run") -> list[str]:
    return ["--data", data, "--out", out, "--steps", str(steps), "--workers", "0", *more]


def rows(out: str = "run") -> list[dict[str, str]]:
    """The rows of metrics.csv without those columns that a clock gives."""
    with open(f"{out}/metrics.csv", newline="") as file:
        timings = ("seconds", "per_second", "waiting")
        return [{name: value for name, value in row.items() if name not in timings} for row in csv.DictReader(file)]


def loaded(path: str) -> Any:
    return torch.load(path, weights_only=True)


def equal(one: Any, other: Any) -> bool:
    """Whether two states are the same to the bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other) and one.dtype == other.dtype
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


def same_run(script: Any, one: str, other: str) -> None:
    """Two folders hold the same run, but for how long it took."""
    kept = loaded(f"{one}/checkpoint.pt"), loaded(f"{other}/checkpoint.pt")
    assert equal(*kept)
    sampler = "generator.pt" if "generator" in kept[0] else "model.pt"
    assert equal(loaded(f"{one}/{sampler}"), loaded(f"{other}/{sampler}"))
    assert rows(one) == rows(other)
    assert [row["step"] for row in rows(one)] == sorted({row["step"] for row in rows(one)}, key=int)


# Going on


def stopping_at(monkeypatch: pytest.MonkeyPatch, script: Any, step: int, number: signal.Signals) -> None:
    """Let a signal come in the middle of a step."""
    whole = script.Trainer.step

    def interrupted(self: Any, batches: Any, current: int) -> Any:
        if current == step:
            os.kill(os.getpid(), number)
        return whole(self, batches, current)

    monkeypatch.setattr(script.Trainer, "step", interrupted)


@pytest.mark.parametrize("name", ["gan", "plain", "conditional", "vae", "autoencoder"])
def test_a_run_that_was_stopped_goes_on_to_the_bit(
    name: str, scripts: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At a step that is no multiple of anything, twice, on data that is random, with other numbers of workers."""
    script = scripts[name]
    monkeypatch.syspath_prepend(str(Path(script.__file__).parent))
    usual = "datasets:Moving", 23, "--sample-every", "8", "--checkpoint-every", "5"
    if name == "vae":  # its loss wants values in [0, 1]
        numpy.save("moving.npy", numbers(17))
        usual = ("moving.npy", *usual[1:])
    assert script.main(arguments(*usual, out="whole")) == 0
    with monkeypatch.context() as patch:
        stopping_at(patch, script, 7, signal.SIGTERM)
        assert script.main(arguments(*usual, "--workers", "1")) == 143
    assert capsys.readouterr().err.endswith("stopped after step 7; go on with --resume\n")
    with monkeypatch.context() as patch:
        stopping_at(patch, script, 16, signal.SIGINT)
        assert script.main(arguments(*usual, "--resume", "--workers", "2")) == 130
    assert capsys.readouterr().err.endswith("stopped after step 16; go on with --resume\n")
    assert script.main(arguments(*usual, "--resume")) == 0
    same_run(script, "whole", "run")
    pictures = [sorted(path.relative_to(out) for path in Path(out).rglob("*.png")) for out in ("whole", "run")]
    assert pictures[0] == pictures[1]
    assert all((Path("whole") / one).read_bytes() == (Path("run") / one).read_bytes() for one in pictures[0])


def check_resume(script: Any, data: str) -> None:
    """The run in `run` goes on ten steps more, and is then the same as one that never stopped."""
    steps = loaded("run/checkpoint.pt")["step"] + 10
    assert script.main(arguments(data, steps, "--resume")) == 0
    shutil.rmtree("whole", ignore_errors=True)
    assert script.main(arguments(data, steps, out="whole")) == 0
    same_run(script, "whole", "run")


def started(script: Any, data: str, *more: str) -> Any:
    """A long run in the background, some random time after its first row."""
    shutil.rmtree("run", ignore_errors=True)
    process = fork(script, arguments(data, 100_000, "--checkpoint-every", "3", *more), Path("log.txt"))
    wait_for(lambda: Path("run/metrics.csv").exists() and len(rows()) > 0, process)
    time.sleep(random.random() * 0.2)
    return process


def wait_for(condition: Callable[[], bool], process: Any) -> None:
    """Wait until something is so; a minute at most."""
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    process.send(signal.SIGKILL)
    pytest.fail(f"nothing happened; {process.output}")


SIGNALS = [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)]


def check_signal(script: Any, data: str, number: signal.Signals, status: int) -> None:
    process = started(script, data)
    process.send(number)
    assert process.wait() == status, process.output
    if number != signal.SIGKILL:
        step = loaded("run/checkpoint.pt")["step"]
        assert process.output == f"stopped after step {step:,}; go on with --resume\n"
    check_resume(script, data)


@pytest.mark.parametrize(("number", "status"), SIGNALS, ids=lambda value: str(value))
def test_a_signal_at_a_random_moment(number: signal.Signals, status: int, scripts: dict[str, Any], data: str) -> None:
    check_signal(scripts["gan"], data, number, status)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "vae", "autoencoder"])
@pytest.mark.parametrize(("number", "status"), SIGNALS, ids=lambda value: str(value))
def test_signals_at_many_moments(
    name: str, number: signal.Signals, status: int, scripts: dict[str, Any], data: str
) -> None:
    for _ in range(10):
        check_signal(scripts[name], data, number, status)


@pytest.mark.parametrize(("number", "status"), SIGNALS[:2], ids=lambda value: str(value))
def test_a_signal_for_the_workers_too(
    number: signal.Signals, status: int, scripts: dict[str, Any], data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal sends Ctrl-C to every process of a group, and so do schedulers with SIGTERM."""
    monkeypatch.syspath_prepend(str(Path(scripts["gan"].__file__).parent))
    process = started(scripts["gan"], data, "--workers", "2")
    os.killpg(process.process, number)
    assert process.wait() == status, process.output
    assert "Traceback" not in process.output
    check_resume(scripts["gan"], data)


def test_a_row_that_was_cut_off_is_written_anew(scripts: dict[str, Any], data: str) -> None:
    """Rows after the last checkpoint, and half a row, are left of a run that was killed."""
    script = scripts["gan"]
    assert script.main(arguments(data, 20)) == 0
    with open("run/metrics.csv", "a") as file:
        file.write("30,1.0,0.5,0.5,10.0,0.1\n40,1.")
    check_resume(script, data)


def test_a_finished_run_can_be_made_longer(
    scripts: dict[str, Any], data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = scripts["gan"]
    assert script.main(arguments(data, 20)) == 0
    capsys.readouterr()
    assert script.main(arguments(data, 20, "--resume")) == 1
    assert capsys.readouterr().err == "error: the run in run has 20 steps already; more with --steps\n"
    assert script.main(arguments(data, 30, "--resume")) == 0
    assert capsys.readouterr().err.startswith("step 30/30")
    assert script.main(arguments(data, 30, out="whole")) == 0
    same_run(script, "whole", "run")


def test_a_run_is_not_begun_over_another(
    scripts: dict[str, Any], data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = scripts["gan"]
    assert script.main(arguments(data, 3)) == 0
    before = Path("run/checkpoint.pt").read_bytes()
    capsys.readouterr()
    assert script.main(arguments(data, 3)) == 1
    assert capsys.readouterr() == ("", "error: run holds a run: go on with --resume, or choose another --out\n")
    assert Path("run/checkpoint.pt").read_bytes() == before


def test_what_is_changed_on_the_way_is_said(
    scripts: dict[str, Any], data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = scripts["gan"]
    assert script.main(arguments(data, 3)) == 0
    capsys.readouterr()
    same = "--betas", "0.5", "0.999", "--lr", "0.0002"
    assert script.main(arguments(data, 5, "--resume", *same)) == 0
    assert capsys.readouterr().err.startswith("step 5/5")
    assert script.main(arguments(data, 7, "--resume", "--lr", "0.1", "--batch-size", "8")) == 0
    assert capsys.readouterr().err.startswith(
        "--batch-size was 6 so far and is 8 from here on\n--lr was 0.0002 so far and is 0.1 from here on\nstep 7/7"
    )


def test_a_description_that_got_another_loss_goes_on(
    scripts: dict[str, Any], data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The options of the two scripts differ, the networks do not."""
    assert scripts["plain"].main(arguments(data, 3)) == 0
    hinge = live(image_net("gan", train="loss hinge"), tmp_path)
    capsys.readouterr()
    assert hinge.main(arguments(data, 5, "--resume")) == 0
    assert "--gradient-penalty was 10.0 so far and is gone from here on\n" in capsys.readouterr().err


# Numbers that are none


@pytest.mark.parametrize("name", ["gan", "plain", "autoencoder"])
def test_a_loss_that_is_no_number_stops_the_run(
    name: str, scripts: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    script = scripts[name]
    every = "--checkpoint-every", "1", "--batch-size", "1", "--discriminator-steps", "1"
    assert script.main(arguments("datasets:Spoilt", 40, *(every if name != "autoencoder" else every[:4]))) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert error.endswith("the last checkpoint is kept\n")
    state = loaded("run/checkpoint.pt")
    weights = state["model" if name == "autoencoder" else "generator"]
    assert all(value.isfinite().all() for value in weights.values())
    assert 0 < state["step"] < 17


def test_a_loss_that_is_no_number_at_a_report(scripts: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert scripts["gan"].main(arguments("datasets:Spoilt", 40)) == 1
    assert capsys.readouterr().err == "error: the loss `discriminator` is nan at step 10; the last checkpoint is kept\n"
    assert not Path("run/checkpoint.pt").exists()


# Checkpoints that are none


def resumed_error(script: Any, data: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What is said about the checkpoint in `run`; it is one line, and the file stays as it is."""
    before = Path("run/checkpoint.pt").read_bytes()
    capsys.readouterr()
    assert script.main(arguments(data, 9, "--resume")) == 1
    output, error = capsys.readouterr()
    assert output == ""
    assert error.startswith("error: ") and error.count("\n") == 1
    assert Path("run/checkpoint.pt").read_bytes() == before
    return error.removeprefix("error: ").rstrip("\n")


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "without its end": lambda content: content[:-1],
    "random": lambda content: random.Random(0).randbytes(5000),
    "a text": lambda content: b"hello\n",
    "changed inside": lambda content: content[:100] + b"\xff" * 40 + content[140:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint(
    damage: str, scripts: dict[str, Any], data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script, path = scripts["autoencoder"], Path("run/checkpoint.pt")
    assert script.main(arguments(data, 3)) == 0
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    reason = "is damaged" if damage == "changed inside" else "is no checkpoint, or it is damaged"
    assert resumed_error(script, data, capsys) == f"run/checkpoint.pt {reason}"


FOREIGN: dict[str, Any] = {
    "a list": [1, 2],
    "another network": {"network": "Other", "step": 3, "options": {}},
    "weights alone": {"block1.weight": torch.zeros(3)},
    "the name alone": {"network": "Tiny"},
    "no options": {"network": "Tiny", "step": 3},
    "other things": {"network": "Tiny", "step": 3, "options": {}, "generator": 5},
    "a word for the step": {"network": "Tiny", "step": "three", "options": {}},
}


@pytest.mark.parametrize("content", FOREIGN)
def test_a_foreign_checkpoint(
    content: str, scripts: dict[str, Any], data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("run").mkdir()
    torch.save(FOREIGN[content], "run/checkpoint.pt")
    message = resumed_error(scripts["gan"], data, capsys)
    assert message.startswith(("run/checkpoint.pt is no checkpoint of Tiny", "the generator in run/checkpoint.pt"))


def test_a_program_in_a_checkpoint_is_not_run(
    scripts: dict[str, Any], data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return os.mkdir, ("trapped",)

    Path("run").mkdir()
    torch.save({"network": "Tiny", "step": Trap()}, "run/checkpoint.pt")
    assert "is no checkpoint" in resumed_error(scripts["gan"], data, capsys)
    assert not Path("trapped").exists()


def test_a_checkpoint_of_another_network_of_that_name(
    scripts: dict[str, Any], data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wide = live(image_net("gan", norm="batch_norm").replace("conv(4,", "conv(6,"), tmp_path)
    assert wide.main(arguments(data, 3)) == 0
    message = resumed_error(scripts["gan"], data, capsys)
    assert message.startswith("the generator in run/checkpoint.pt does not fit: size mismatch for ")


def test_no_checkpoint_to_go_on_from(scripts: dict[str, Any], data: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert scripts["gan"].main(arguments(data, 3, "--resume")) == 1
    assert capsys.readouterr() == ("", "error: there is no checkpoint run/checkpoint.pt\n")


def test_what_was_there_stays_where_saving_fails(scripts: dict[str, Any], data: str, tmp_path: Path) -> None:
    """A checkpoint is written whole or not at all."""
    path = tmp_path / "checkpoint.pt"
    scripts["gan"].save(path, {"step": 1})
    with pytest.raises(Exception, match="pickle"):
        scripts["gan"].save(path, {"step": lambda: 2})
    assert loaded(str(path)) == {"step": 1}


# Data that is none


def image(path: str, mode: str = "L", size: tuple[int, int] = (10, 9)) -> None:
    """A file with a picture in which a grey wedge runs from left to right."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    wedge = Image.fromarray(numpy.tile(numpy.linspace(0, 255, size[0]).astype("uint8"), (size[1], 1)))
    wedge.convert(mode).save(path)


def error_of(script: Any, data: str, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """The one line that a run on some data ends with before it trains."""
    capsys.readouterr()
    assert script.main(arguments(data, 3, *more)) == 1
    output, error = capsys.readouterr()
    assert output == ""
    last = error.splitlines()[-1]
    assert last.startswith("error: ") and error.endswith("\n")
    assert not Path("run/checkpoint.pt").exists()
    assert "Traceback" not in error
    return last.removeprefix("error: ")


def arrays(**given: Any) -> str:
    numpy.savez("given.npz", **given)
    return "given.npz"


def array(given: Any) -> str:
    numpy.save("given.npy", given)
    return "given.npy"


def file(name: str, content: bytes) -> str:
    Path(name).write_bytes(content)
    return name


def folder(*names: str) -> str:
    Path("photos").mkdir(exist_ok=True)
    for name in names:
        image(f"photos/{name}")
    return "photos"


WRONG: dict[str, tuple[str, Callable[[], str], str]] = {
    "nowhere": ("gan", lambda: "absent", "absent is no folder, .npy or .npz file, and not module:factory"),
    "nowhere.npy": ("gan", lambda: "absent.npy", "absent.npy can not be read: [Errno 2] No such file or directory: "),
    "a file": ("gan", lambda: "datasets.py", "datasets.py is no folder, .npy or .npz file, and not module:factory"),
    "empty folder": ("gan", folder, "there is no image in photos"),
    "folder of texts": (
        "gan",
        lambda: (folder(), Path("photos/a.txt").write_text("a"))[0],
        "there is no image in photos",
    ),
    "shape": ("gan", lambda: array(numbers()[:, :, 1:]), "given.npy should have the shape (N, 1, 8, 8), and not "),
    "no samples": ("gan", lambda: array(numbers()[:0]), "given.npy should have the shape (N, 1, 8, 8), and not "),
    "one number": ("gan", lambda: array(numpy.float32(3)), "given.npy should have the shape (N, 1, 8, 8), and not ()"),
    "text": ("gan", lambda: array(numbers(3).astype(str)), "given.npy should hold numbers, and not "),
    "objects": ("gan", lambda: array(numbers(3).astype(object)), "given.npy can not be read: "),
    "empty file": ("gan", lambda: file("given.npy", b""), "given.npy can not be read: "),
    "empty archive": ("gan", lambda: file("given.npz", b""), "given.npz can not be read: "),
    "no archive": ("gan", lambda: file("given.npz", b"PK\3\4" + bytes(50)), "given.npz can not be read: "),
    "cut archive": (
        "gan",
        lambda: file("given.npz", Path(arrays(data=numbers())).read_bytes()[:-30]),
        "given.npz can not be read: ",
    ),
    "damaged archive": (
        "gan",
        lambda: file("given.npz", Path(arrays(data=numbers())).read_bytes().replace(b"\x3f", b"\x3e")),
        "given.npz can not be read: ",
    ),
    "cut array": (
        "gan",
        lambda: file("given.npy", Path(array(numbers())).read_bytes()[:-30]),
        "given.npy can not be read: ",
    ),
    "keys": ("gan", lambda: arrays(images=numbers()), "given.npz has no array called data, only images"),
    "label count": (
        "gan",
        lambda: arrays(data=numbers(), labels=numpy.zeros(3)),
        "given.npz should have one label for each sample",
    ),
    "no labels": ("conditional", lambda: array(numbers()), "given.npy has no array called labels"),
    "negative label": (
        "conditional",
        lambda: arrays(data=numbers(), labels=numpy.arange(20) % 2 - 1),
        "the labels in given.npz should be from 0 to 1",
    ),
    "large label": (
        "conditional",
        lambda: arrays(data=numbers(), labels=numpy.arange(20) % 3),
        "the labels in given.npz should be from 0 to 1",
    ),
    "missing class": (
        "conditional",
        lambda: folder("cat/1.png", "cat/2.png"),
        "photos should have a folder for each of 2 classes, and every image in one; it has 1",
    ),
    "many classes": (
        "conditional vae",
        lambda: folder("cat/1.png", "dog/2.png", "owl/1.png"),
        "photos should have a folder for each of 2 classes, and every image in one; it has 3",
    ),
    "image beside the classes": (
        "conditional",
        lambda: folder("cat/1.png", "dog/1.png", "2.png"),
        "photos should have a folder for each of 2 classes, and every image in one; it has 2",
    ),
    "module": ("gan", lambda: "no_such_module:f", "no_such_module:f can not be imported: No module named"),
    "attribute": ("gan", lambda: "datasets:absent", "datasets:absent can not be imported: module 'datasets' has no"),
    "no attribute": ("gan", lambda: "datasets:", "datasets: can not be imported: "),
    "shape of an item": ("gan", lambda: "datasets:shifted", "datasets:shifted gives (1, 8, 9) instead of (1, 8, 8)"),
    "item without a label": (
        "conditional",
        lambda: "datasets:unlabelled",
        "an item of the data set should be a pair of a sample and its label",
    ),
    "16 bits": (
        "vae",
        lambda: array((numbers() * 60000).astype("uint16")),
        "given.npy should have bytes, or numbers in [0, 1]; it has ",
    ),
    "values": ("vae", lambda: array(numbers() * 2 - 1), "given.npy should have bytes, or numbers in [0, 1]; it has "),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_data_is_one_line(case: str, scripts: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    name, place, message = WRONG[case]
    assert error_of(scripts[name], place(), capsys).startswith(message)


def test_nothing_readable(scripts: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    folder()
    for name in ("a.png", "b.jpg"):
        Path(f"photos/{name}").write_bytes(b"no picture")
    assert error_of(scripts["gan"], "photos", capsys) == "none of the 2 images can be read"


def test_images_that_can_not_be_read_are_skipped(scripts: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Training goes on with the others."""
    folder("cat/1.png", "cat/2.jpg", "dog/3.PNG", "dog/deep/4.bmp")
    Path("photos/cat/broken.png").write_bytes(b"no picture")
    whole = Path("photos/cat/2.jpg").read_bytes()
    Path("photos/dog/cut.jpg").write_bytes(whole[: len(whole) // 2])
    Path("photos/dog/notes.txt").write_text("not an image")
    assert scripts["conditional"].main(arguments("photos", 3)) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["skipped photos/cat/broken.png", "skipped photos/dog/cut.jpg"]
    assert lines[2] == "4 images, 2 skipped"
    assert Path("run/checkpoint.pt").exists()
    process = scripts["conditional"].Process(torch.device("cpu"))
    known = scripts["conditional"].open_data("photos", process)
    assert (known.classes, known.labels, len(known)) == (["cat", "dog"], [0, 0, 1, 1], 4)


def test_a_batch_that_can_not_be_shared(
    scripts: dict[str, Any], data: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = scripts["gan"]
    monkeypatch.setattr(script, "start_process", lambda device: script.Process(torch.device("cpu"), 0, 4))
    assert error_of(script, data, capsys) == "--batch-size 6 can not be shared by 4 processes"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("--steps", "0"), "argument --steps: 0 is not at least 1"),
        (("--steps", "many"), "argument --steps: invalid number value: 'many'"),
        (("--lr", "nan"), "argument --lr: nan is not at least 0.0"),
        (("--ema", "1"), "argument --ema: 1 is not at least 0.0 and below 1.0"),
        (("--seed", "-1"), "argument --seed: -1 is not at least 0"),
        (("--clip", "1"), "unrecognized arguments: --clip 1"),
    ],
)
def test_wrong_options(
    wrong: tuple[str, ...], message: str, scripts: dict[str, Any], data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        scripts["gan"].main(["--data", data, *wrong])
    assert end.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(message)


@pytest.mark.parametrize("command", ["train", "sample", "interpolate", "evaluate", "reconstruct"])
@pytest.mark.parametrize("device", ["nonsense", "cuda:99", "cpu:x"])
def test_a_device_that_is_not_there(
    command: str, device: str, scripts: dict[str, Any], data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = scripts["autoencoder" if command == "reconstruct" else "gan"]
    given = [] if command == "train" else ["--checkpoint", "run/checkpoint.pt"]
    given += [] if command in ("sample", "interpolate") else ["--data", data]
    assert script.main([command, *given, "--device", device]) == 1
    output, error = capsys.readouterr()
    assert (output, error.count("\n")) == ("", 1)
    assert error.startswith(f"error: {device} can not be used: ")


# Images of every kind


def pixels(script: Any, path: str) -> Any:
    """The bytes that a script makes of an image, (C, H, W)."""
    decoded = script.decode(Path(path))
    assert decoded.dtype == torch.uint8 and decoded.shape == script.IMAGE_SHAPE
    return decoded.int()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
@pytest.mark.parametrize("name", ["gan", "colour"])
def test_images_of_every_mode(mode: str, name: str, scripts: dict[str, Any]) -> None:
    """A wedge of grey stays one, whatever it is stored as, for a grey and for a colour network."""
    path = "wedge.tiff" if mode in ("CMYK", "F") else "wedge.png"
    if mode == "I;16":
        wedge = numpy.tile(numpy.linspace(0, 65535, 64).astype("uint16"), (64, 1))
        Image.fromarray(wedge).save(path)
        assert Image.open(path).mode == "I;16"
    else:
        image(path, mode, (64, 64))
    decoded = pixels(scripts[name], path)
    bound = 60 if mode in ("1", "P") else 12
    middles = torch.linspace(0, 255, 17)[1::2]
    assert (decoded - middles).abs().max() <= bound
    assert all(torch.equal(channel, decoded[0]) for channel in decoded) or mode == "P"


def test_colours_stay_and_grey_is_their_brightness(scripts: dict[str, Any]) -> None:
    Image.new("RGB", (9, 9), (200, 100, 50)).save("plain.png")
    assert pixels(scripts["colour"], "plain.png")[:, 4, 4].tolist() == [200, 100, 50]
    assert (
        pixels(scripts["gan"], "plain.png").flatten().tolist() == [round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)] * 64
    )


def test_the_centre_of_a_long_image(scripts: dict[str, Any]) -> None:
    """The crop is square and in the middle; nothing is stretched."""
    long = numpy.zeros((10, 4000), dtype="uint8")
    long[:, 1990:2010] = 255
    Image.fromarray(long).save("long.png")
    Image.fromarray(long.T.copy()).save("high.png")
    for path in ("long.png", "high.png"):
        assert pixels(scripts["gan"], path).min() == 255
    for size in ((1, 1), (1, 500), (3, 2)):
        Image.new("L", size, 77).save("small.png")
        assert {*pixels(scripts["gan"], "small.png").flatten().tolist()} == {77}


def test_a_camera_that_was_held_upright(scripts: dict[str, Any]) -> None:
    """The orientation of EXIF is obeyed: here the left of the file is the top of the image."""
    wedge = numpy.tile(numpy.linspace(0, 255, 16).astype("uint8"), (16, 1))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(wedge).save("held.jpg", exif=exif, quality=100)
    decoded = pixels(scripts["gan"], "held.jpg")[0]
    assert (decoded[:, 0] - torch.linspace(0, 255, 17)[1::2]).abs().max() <= 12
    assert (decoded - decoded[:, :1]).abs().max() <= 4


def test_bytes_become_numbers_of_the_networks_interval(scripts: dict[str, Any]) -> None:
    process = scripts["gan"].Process(torch.device("cpu"))
    given = torch.tensor([[0, 255, 51]], dtype=torch.uint8)
    assert torch.allclose(scripts["gan"].as_input(given, process), torch.tensor([[-1.0, 1, -0.6]]))
    assert torch.allclose(scripts["vae"].as_input(given, process), torch.tensor([[0, 1, 0.2]]))
    doubles = torch.rand(2, 3, dtype=torch.float64)
    assert torch.equal(scripts["gan"].as_input(doubles, process), doubles.float())


def test_every_sample_comes_once_in_an_epoch(scripts: dict[str, Any]) -> None:
    """However batches and processes cut it, and from wherever a run goes on."""
    script = scripts["gan"]

    def first(batch_count: int, size: int, start: int = 0, **process: int) -> list[Any]:
        given = script.Process(torch.device("cpu"), **process)
        batches = iter(script.Batches(10, size, 5, start, given))
        return [next(batches) for _ in range(batch_count)]

    whole = [key for batch in first(10, 4) for key in batch]
    assert len({seed for seed, _ in whole}) == 40
    epochs = [[index for _, index in whole[start : start + 10]] for start in range(0, 40, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4
    assert first(10, 4)[7:] == first(3, 4, start=7)
    shares = [first(10, 4, rank=rank, count=2) for rank in (0, 1)]
    assert [sorted(a + b) for a, b in zip(*shares, strict=True)] == [sorted(batch) for batch in first(10, 4)]


# What a run writes

LOSSES = {
    "gan": ["discriminator", "generator"],
    "vae": ["loss", "reconstruction", "divergence"],
    "autoencoder": ["loss"],
}


def size_of(path: str | Path) -> tuple[int, int]:
    """The size of a picture that is not blank."""
    with Image.open(path) as picture:
        low, high = numpy.asarray(picture).min(), numpy.asarray(picture).max()
        assert low < high
        return picture.size


@pytest.mark.parametrize("kind", LOSSES)
def test_a_run_writes_what_it_says(
    kind: str, scripts: dict[str, Any], data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scripts[kind].main(arguments(data, 25, "--sample-every", "10")) == 0
    output, error = capsys.readouterr()
    assert [line.split()[1] for line in error.splitlines()] == ["10/25", "20/25", "25/25"]
    assert output.startswith("25 steps done; in run:\n")
    assert sorted(line.split()[0].rstrip("/") for line in output.splitlines()[1:]) == sorted(os.listdir("run"))
    with open("run/metrics.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert list(table[0]) == ["step", "seconds", *LOSSES[kind], "per_second", "waiting"]
    assert [row["step"] for row in table] == ["10", "20", "25"]
    assert all(float(value) >= 0 or column in LOSSES[kind] for row in table for column, value in row.items())
    assert all(float(row["waiting"]) <= 1 for row in table)
    pictures = [name for name in ("samples", "reconstructions") if Path(f"run/{name}").exists()]
    assert pictures == {"gan": ["samples"], "vae": ["samples", "reconstructions"]}.get(kind, ["reconstructions"])
    for name in pictures:
        assert sorted(os.listdir(f"run/{name}")) == [f"step-{step:06}.png" for step in (10, 20, 25)]
        # 64 pictures in eight columns, each with a border, magnified eight times
        assert size_of(f"run/{name}/step-000025.png") == (8 * (8 + 2) * 8, 8 * (8 + 2) * 8)
    assert size_of("run/losses.png") == (720, 400)
    colours = {colour for _, colour in Image.open("run/losses.png").getcolors(1000)}
    assert len(colours) > 2 + len(LOSSES[kind])
    sampler = "generator" if kind == "gan" else "model"
    state, checkpoint = loaded(f"run/{sampler}.pt"), loaded("run/checkpoint.pt")
    assert equal(state, checkpoint["average" if kind == "gan" else "model"])
    assert (checkpoint["network"], checkpoint["step"]) == ("Tiny", 25)


def test_a_run_without_samples_in_between(scripts: dict[str, Any], data: str) -> None:
    """Its last pictures come at the end; of one row there is no curve."""
    assert scripts["gan"].main(arguments(data, 3)) == 0
    assert os.listdir("run/samples") == ["step-000003.png"]
    assert len(rows()) == 1


# After training


def command(script: Any, *given: str) -> None:
    """Run a command on the checkpoint in `run`."""
    assert script.main([given[0], "--checkpoint", "run/checkpoint.pt", *given[1:]]) == 0


@pytest.mark.parametrize("name", ["gan", "conditional", "vae", "conditional vae"])
def test_samples_and_walks(name: str, scripts: dict[str, Any], data: str, capsys: pytest.CaptureFixture[str]) -> None:
    script = scripts[name]
    assert script.main(arguments(data, 5, *(["--lr", "0.05"] if name == "conditional" else []))) == 0
    capsys.readouterr()
    command(script, "sample", "--n", "10")
    assert capsys.readouterr().out == "10 images in samples\n"
    assert sorted(os.listdir("samples")) == sorted([*(f"{number:05}.png" for number in range(10)), "grid.png"])
    assert {size_of(f"samples/{number:05}.png") for number in range(10)} == {(8, 8)}
    assert size_of("samples/grid.png") == (640, 160)
    command(script, "sample", "--n", "10", "--out", "again")
    command(script, "sample", "--n", "10", "--seed", "1", "--out", "other")
    contents = [Path(f"{out}/grid.png").read_bytes() for out in ("samples", "again", "other")]
    assert contents[0] == contents[1] != contents[2]
    for way in ("sphere", "line"):
        command(script, "interpolate", "--walks", "3", "--steps", "5", "--along", way, "--out", f"new/{way}.png")
        assert size_of(f"new/{way}.png") == (5 * 10 * 8, 3 * 10 * 8)
    if "conditional" in name:
        command(script, "sample", "--n", "10", "--class", "1", "--out", "ones")
        command(script, "interpolate", "--class", "1", "--out", "ones.png")
        alike = [
            Path(f"samples/{number:05}.png").read_bytes() == Path(f"ones/{number:05}.png").read_bytes()
            for number in range(10)
        ]
        assert alike == [False, True] * 5  # by default all classes in turn
        with pytest.raises(SystemExit) as end:
            command(script, "sample", "--class", "2")
        assert end.value.code == 2
        assert "argument --class: 2 is not at least 0 and below 2" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["gan", "conditional", "conditional vae"])
def test_evaluation(name: str, scripts: dict[str, Any], data: str, capsys: pytest.CaptureFixture[str]) -> None:
    script = scripts[name]
    assert script.main(arguments(data, 5)) == 0
    capsys.readouterr()
    command(script, "evaluate", "--data", data, "--n", "12", "--classifier-steps", "3")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("features: a classifier, right on ")
    assert lines[1].split() == ["distance", "to", "the", "data", "Frechet", "kernel"]
    assert [line[:18].strip() for line in lines[2:5]] == ["trained", "untrained", "half of the data"]
    assert len(lines) == (6 if "conditional" in name else 5)
    with open("evaluation.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["samples"] for row in table] == ["trained", "untrained", "half of the data"]
    assert all(float(row["frechet"]) > 0 for row in table)
    command(script, "evaluate", "--data", data, "--n", "12", "--features", "datasets:scores", "--out", "own/own.csv")
    assert Path("own/own.csv").exists()


def test_what_evaluation_needs(scripts: dict[str, Any], data: str, capsys: pytest.CaptureFixture[str]) -> None:
    script = scripts["gan"]
    assert script.main(arguments(data, 5)) == 0
    unlabelled = array(numbers())
    capsys.readouterr()
    start = ["evaluate", "--checkpoint", "run/checkpoint.pt", "--data", unlabelled]
    assert script.main(start) == 1
    assert script.main([*start, "--features", "datasets:absent"]) == 1
    assert script.main([*start, "--features", "nothing"]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert errors[0] == "error: the data has no classes to train features on: name your own with --features"
    assert errors[1].startswith("error: datasets:absent can not be imported: ")
    assert errors[2].startswith("error: nothing can not be imported: ")
    assert len(errors) == 3


def test_evaluation_on_next_to_no_data(scripts: dict[str, Any], data: str, capsys: pytest.CaptureFixture[str]) -> None:
    script = scripts["gan"]
    assert script.main(arguments(data, 5)) == 0
    capsys.readouterr()
    start = ["evaluate", "--checkpoint", "run/checkpoint.pt", "--features", "datasets:scores"]
    assert script.main([*start, "--data", array(numbers(9))]) == 1
    assert capsys.readouterr() == ("", "error: given.npy has too few images to compare with\n")
    assert script.main([*start, "--data", array(numbers(10)), "--n", "4"]) == 0


def test_reconstructions(scripts: dict[str, Any], data: str, capsys: pytest.CaptureFixture[str]) -> None:
    script = scripts["autoencoder"]
    assert script.main(arguments(data, 5)) == 0
    capsys.readouterr()
    command(script, "reconstruct", "--data", data, "--n", "6")
    assert capsys.readouterr().out.startswith("6 images in reconstructions, mean squared error 0.")
    assert len(os.listdir("reconstructions")) == 7
    assert size_of("reconstructions/grid.png") == (640, 160)
    command(script, "reconstruct", "--data", data, "--n", "600", "--out", "all")
    assert len(os.listdir("all")) == 21


def test_walks_and_distances_of_an_autoencoder(
    scripts: dict[str, Any], data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = scripts["autoencoder"]
    assert script.main(arguments(data, 5)) == 0
    for along in ("line", "sphere"):
        command(script, "interpolate", "--data", data, "--walks", "3", "--steps", "5", "--along", along)
        assert size_of("walks.png") == (5 * 80, 3 * 80)
    capsys.readouterr()
    command(script, "evaluate", "--data", data, "--n", "20", "--features", "datasets:scores")
    assert capsys.readouterr().out.splitlines()[1].startswith("trained ")
    many = ["--checkpoint", "run/checkpoint.pt", "--data", data, "--walks", "11"]
    assert script.main(["interpolate", *many]) == 1
    assert capsys.readouterr().err == f"error: {data} has too few images for 11 walks\n"


def test_a_walk_begins_and_ends_at_reconstructions(scripts: dict[str, Any], data: str) -> None:
    script = scripts["autoencoder"]
    assert script.main(arguments(data, 5)) == 0
    state = script.load_checkpoint(Path("run/checkpoint.pt"))
    model = script.Autoencoder()
    script.restore({"model": model}, state, Path("run/checkpoint.pt"))
    drawn: list[torch.Tensor] = []
    with pytest.MonkeyPatch.context() as patch:
        grid = script.grid
        patch.setattr(script, "grid", lambda batch, columns: drawn.append(batch) or grid(batch, columns))
        command(script, "interpolate", "--data", data, "--walks", "2", "--steps", "4")
    samples = script.picked(data, 4, 0, script.Process(torch.device("cpu")))
    ends = script.reconstructed(model, samples)
    torch.testing.assert_close(drawn[0][0::4], ends[0::2])
    torch.testing.assert_close(drawn[0][3::4], ends[1::2])


@pytest.mark.parametrize("name", ["sample", "interpolate", "evaluate"])
def test_commands_without_a_checkpoint(
    name: str, scripts: dict[str, Any], data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--data", data] if name == "evaluate" else []
    Path("text.pt").write_text("hello")
    assert scripts["gan"].main([name, "--checkpoint", "absent.pt", *more]) == 1
    assert scripts["gan"].main([name, "--checkpoint", "text.pt", *more]) == 1
    assert scripts["gan"].main([name, "--checkpoint", ".", *more]) == 1
    assert capsys.readouterr().err == (
        "error: there is no checkpoint absent.pt\n"
        "error: text.pt is no checkpoint, or it is damaged\n"
        "error: . can not be read: Is a directory\n"
    )
