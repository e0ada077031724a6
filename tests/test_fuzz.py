"""Short runs of the fuzzer and the sweep, and that they find and resume; `make fuzz` and `make sweep` take hours."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

FUZZ = Path(__file__).parents[1] / "fuzz"
COUNT = 1000


def run(folder: Path, count: int, program: str = "fuzz.py") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, FUZZ / program, "--count", str(count), "--folder", folder, "--jobs", "1"]
    return subprocess.run(command, capture_output=True, text=True)


def loaded(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A program of the folder as a module; `fuzz` is also the name of the folder."""
    monkeypatch.syspath_prepend(FUZZ)
    spec = importlib.util.spec_from_file_location(name, FUZZ / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def fuzz(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The fuzzer as a module."""
    return loaded("fuzz", monkeypatch)


@pytest.fixture
def sweep(fuzz: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The sweep as a module."""
    return loaded("sweep", monkeypatch)


def test_no_input_breaks_a_rule(tmp_path: Path) -> None:
    """In a process of its own, whose memory is that of the compiler alone; then once more, from where it was."""
    for count in (COUNT, 2 * COUNT):
        done = run(tmp_path, count)
        assert done.returncode == 0, done.stdout + done.stderr
        state = json.loads((tmp_path / "state.json").read_text())
        assert sum(state["outcomes"].values()) == count
    assert state["outcomes"]["compiled"] > COUNT / 10
    assert state["failures"] == {} and [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_chunk_is_always_the_same(fuzz: ModuleType) -> None:
    corpus = fuzz.examples()
    first, again, other = (list(fuzz.chunk(number, corpus)) for number in (3, 3, 4))
    assert first == again != other and len(first) == fuzz.CHUNK


def test_a_failure_is_written_in_its_smallest_form(
    fuzz: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(name: str, data: bytes) -> str:
        if b"relu" in data and b"conv" in data:
            raise fuzz.Broken("two words", "the details")
        return "refused"

    monkeypatch.setattr(fuzz, "judge", judge)
    state = fuzz.State()
    for _ in range(2):
        fuzz._try(state, "net.dgan", b"gan Net { conv(3) -> batch_norm -> leaky_relu }" * 20, tmp_path)
    (file,) = state.failures.values()
    assert sorted((tmp_path / file).read_bytes().split(b" ")) in ([b"convrelu"], [b"reluconv"], [b"conv", b"relu"])
    assert (tmp_path / file).with_suffix(".txt").read_text() == "two words\nthe details\n"
    assert state.outcomes == {"broken": 2}


# The sweep


def test_a_sweep_finds_no_mismatch(tmp_path: Path) -> None:
    done = run(tmp_path, 1, "sweep.py")
    assert done.returncode == 0, done.stdout + done.stderr
    state = json.loads((tmp_path / "state.json").read_text())
    assert state["outcomes"]["run on meta"] > 40 and state["outcomes"]["run on the CPU"] > 1
    assert state["chunks"] == 1 and "mismatch" not in state["outcomes"]


def test_a_mismatch_is_written_and_counted(sweep: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(model: object, made: object) -> None:
        raise AssertionError("not that size")

    monkeypatch.setattr(sweep, "check_on_meta", check)
    monkeypatch.setattr(sweep, "drawn", lambda _: ["gan Net {}", "autoencoder Net { input 4; encoder { linear(2) } }"])
    state = sweep.step(0, tmp_path)
    (file,) = tmp_path.iterdir()
    assert state.failures == {"AssertionError: not that size": file.name}
    assert file.read_text().startswith("autoencoder Net") and "# Traceback" in file.read_text()
    assert (state.done, state.outcomes) == (1, {"mismatch": 1})
