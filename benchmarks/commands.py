"""The command line as a whole process, against what it can not do without and against a peer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from measure import PROGRAMS, ROOT, Result, interleaved, milliseconds, program, python, ratio
from pipeline import SHAPES, network

DCGANC = PROGRAMS / "dcganc"
AURANE = PROGRAMS / "aurane"
LIBRARIES = "import lark, jinja2, black"
LARGE = 2000


def results(rounds: int) -> Iterator[Result]:
    """Every row about whole processes."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _compile(Path(folder), rounds)
        yield from _start(rounds)
        yield from _gallery(Path(folder), rounds)
        yield from _large(Path(folder))


def _compiling(net: str, folder: Path) -> tuple[str | Path, ...]:
    return (DCGANC, "compile", ROOT / "examples" / net, "--quiet", "-o", folder / f"{Path(net).stem}.py")


def _compile(folder: Path, rounds: int) -> Iterator[Result]:
    jobs = [program(*_compiling("dcgan64.dgan", folder)), python(LIBRARIES), python("import torch")]
    if AURANE.exists():
        described = ROOT / "benchmarks/aurane/dcgan64.aur"
        jobs.append(program(AURANE, "compile", described, "peer.py", "--format", folder=folder, cache=".aurane_cache"))
    ours, libraries, torch, *peer = interleaved(jobs, rounds)
    raw = {"dcganc": median(ours), "libraries": median(libraries), "torch": median(torch)}
    for measure, theirs, target in (
        (f"compile dcgan64, whole process / {LIBRARIES}", libraries, 1.5),
        ("compile dcgan64, whole process / import torch", torch, 0.25),
    ):
        detail = f"{milliseconds(ours)} / {milliseconds(theirs)}"
        yield Result(measure, ratio(ours, theirs), target, "x", detail=detail, raw=raw)
    measure = "compile dcgan64, whole process / aurane, one half"
    if not peer:
        yield Result(measure, None, 1.0, "x", detail="aurane is not installed: benchmarks/requirements.txt")
        return
    detail = f"{milliseconds(ours)} / {milliseconds(peer[0])}"
    yield Result(measure, ratio(ours, peer[0]), 1.0, "x", detail=detail, raw={"aurane": median(peer[0])})


def _start(rounds: int) -> Iterator[Result]:
    options = ("--version", "--help")
    *starts, click = interleaved([*(program(DCGANC, option) for option in options), python("import click")], rounds)
    for option, ours in zip(options, starts, strict=True):
        detail = f"{milliseconds(ours)} / {milliseconds(click)}"
        raw = {"dcganc": median(ours), "click": median(click)}
        yield Result(f"dcganc {option} / import click", ratio(ours, click), 2.0, "x", detail=detail, raw=raw)


def _gallery(folder: Path, rounds: int) -> Iterator[Result]:
    nets = ("dcgan64.dgan", "gallery/resnet50.dgan", "gallery/densenet121.dgan")
    missing = [net for net in nets if not (ROOT / "examples" / net).exists()]
    if missing:
        yield Result("compile the gallery", None, 2.0, "x", detail=f"{', '.join(missing)} is not there yet")
        return
    dcgan, resnet, densenet = interleaved([program(*_compiling(net, folder)) for net in nets], rounds)
    detail = f"{milliseconds(resnet)} / {milliseconds(dcgan)}"
    raw = {"resnet50": median(resnet), "dcgan64": median(dcgan)}
    yield Result("compile resnet50 / compile dcgan64", ratio(resnet, dcgan), 2.0, "x", detail=detail, raw=raw)
    yield Result("compile densenet121, whole process", median(densenet), 1.5, "s")


def _large(folder: Path) -> Iterator[Result]:
    for shape, lines in SHAPES.items():
        net = folder / "large.dgan"
        net.write_text(network(LARGE, lines).text, encoding="utf-8")
        (seconds,) = interleaved([program(*_compiling(str(net), folder), "--force")], 3)
        yield Result(f"compile {LARGE:,} blocks {shape}, whole process", median(seconds), 3.0, "s")
