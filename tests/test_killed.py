"""A write that is killed with SIGKILL at any moment leaves the old or the new file, whole."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from killed import SCENARIOS, held

KILLED = Path(__file__).with_name("killed.py")
BEFORE = {
    "nothing": {},
    "a file": {"model.py": "old"},
    "a link": {"model.py": "old", "target/real.py": "old"},
    "a link to nothing": {},
}
AFTER = {
    "nothing": {"model.py": "new"},
    "a file": {"model.py": "new"},
    "a link": {"model.py": "new", "target/real.py": "new"},
    "a link to nothing": {"model.py": "new", "real.py": "new"},
}
STEPS = {"call open", "return open", "call write", "return write", "call fsync", "call replace", "return replace"}
each_scenario = pytest.mark.parametrize("scenario", SCENARIOS)


def without_leftovers(files: dict[str, str]) -> dict[str, str]:
    """The files but for a temporary one, of which there is at most one."""
    kept = {name: text for name, text in files.items() if not re.search(r"\.dcganc-[0-9a-f]{16}\.tmp$", name)}
    assert len(files) - len(kept) <= 1
    return kept


@each_scenario
def test_a_write_that_is_killed_leaves_the_old_or_the_new_file(tmp_path: Path, scenario: str) -> None:
    """The next write succeeds. A temporary file that is left behind stays: it could be that of a write under way."""
    command = [sys.executable, KILLED, tmp_path, scenario]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    *kills, last = map(json.loads, done.stdout.splitlines())
    assert (last["killed"], last["after"], last["again"]) == (False, AFTER[scenario], AFTER[scenario])
    assert {kill["step"] for kill in kills} >= STEPS and len(kills) > 20
    for kill in kills:
        assert kill["killed"]
        files = without_leftovers(kill["after"])
        assert files == (AFTER if kill["step"] == "return replace" else BEFORE)[scenario], kill
        assert without_leftovers(kill["again"]) == AFTER[scenario], kill
        assert {*kill["after"]} - {*files} == {*kill["again"]} - {*AFTER[scenario]}


# The same with the system calls themselves

PROGRAM = """
import os, sys
from pathlib import Path
from killed import write
folder = Path(sys.argv[1])
import dcgan_compiler.output, tempfile, secrets
os.kill(os.getpid(), 0)
write(folder)
os.kill(os.getpid(), 0)
"""
_CALL = re.compile(r"^(\w+)\(", re.MULTILINE)


def traced(folder: Path, log: Path, *options: str) -> int:
    """The exit status of a write under strace."""
    command = ["strace", "-o", str(log), *options, sys.executable, "-B", "-c", PROGRAM, str(folder)]
    environment = {"PYTHONPATH": f"{KILLED.parents[1]}:{KILLED.parent}", "PYTHONHASHSEED": "0", "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, env=environment, capture_output=True, timeout=60).returncode


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is what kills at a system call")
@each_scenario
def test_a_write_that_is_killed_at_a_system_call(tmp_path: Path, scenario: str) -> None:
    folder, log = tmp_path / "folder", tmp_path / "log"
    folder.mkdir()
    SCENARIOS[scenario](folder)
    if traced(folder, log) != 0:
        pytest.skip("strace may not trace here")
    calls = _CALL.findall(log.read_text())
    first, last = (number for number, name in enumerate(calls) if name == "kill")
    seen = Counter(calls[: first + 1])
    outcomes = Counter[str]()
    for name in calls[first + 1 : last]:
        seen[name] += 1
        shutil.rmtree(folder)
        folder.mkdir()
        SCENARIOS[scenario](folder)
        traced(folder, log, "-e", f"inject={name}:signal=SIGKILL:when={seen[name]}")
        assert log.read_text().rstrip().endswith("+++ killed by SIGKILL +++"), name
        files = without_leftovers(held(folder))
        assert files in (BEFORE[scenario], AFTER[scenario]), (name, files)
        outcomes["old" if files == BEFORE[scenario] else "new"] += 1
    assert outcomes["old"] > 10
    print(f"{scenario}: killed at {outcomes.total()} system calls")
