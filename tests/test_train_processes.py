"""Several processes that train together on CPUs: the same course as one alone, one set of files, equal networks."""

import csv
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from scripts import fork, image_net, live, write

NETS = {
    "bce": image_net("gan"),
    "wgan_gp": image_net("gan", train="loss wgan_gp; discriminator_steps 2; r1 1"),
    "vae": image_net("vae", train="kl_warmup 4"),
    "autoencoder": image_net("autoencoder", train="noise 0.1"),
    "auxiliary": image_net("gan", "classes 2", "condition auxiliary"),
    "conditional vae": image_net("vae", "classes 2"),
    "batch norm": image_net("gan", norm="batch_norm"),
    "projection": image_net("gan", "classes 2", "condition projection", norm="batch_norm"),
    "vae with batch norm": image_net("vae", norm="batch_norm"),
    "batch norm twice differentiated": image_net("gan", norm="batch_norm", train="r1 1"),
}
RATE = "0.01"  # high enough for networks that differ to part within ten steps


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder with samples of two classes, whose number is no multiple of a batch."""
    monkeypatch.chdir(tmp_path)
    samples = numpy.random.default_rng(0).random((20, 1, 8, 8), dtype=numpy.float32)
    numpy.savez("data.npz", data=samples, labels=numpy.arange(20) % 2)


def arguments(out: str, *more: str) -> list[str]:
    given = ["--data", "data.npz", "--out", out, "--steps", "10", "--lr", RATE, "--workers", "0"]
    return [*given, "--device", "cpu", *more]


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def together(script: Any, count: int, *more: str) -> list[int]:
    """Run a script in several processes, each of which keeps what it ends with; returns their statuses."""
    port = free_port()
    processes = []
    for rank in range(count):
        environment = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count)}
        environment |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "GLOO_SOCKET_IFNAME": "lo"}
        processes.append(fork(script, arguments("both", *more), Path(f"log{rank}.txt"), **environment))
    statuses = [process.wait() for process in processes]
    assert not [process.output for process in processes if "Traceback" in process.output]
    return statuses


def each_step(monkeypatch: pytest.MonkeyPatch, script: Any) -> None:
    """Report every step, and keep the state that each process ends with."""
    monkeypatch.setattr(script, "REPORT_EVERY", 1)
    whole = script.Trainer.step

    def kept(self: Any, batches: Any, number: int) -> Any:
        losses = whole(self, batches, number)
        if self.process.count > 1 and number == self.options.steps:
            state = {name: part.state_dict() for name, part in self.parts.items()}
            torch.save(state, f"rank{self.process.rank}.pt")
        return losses

    monkeypatch.setattr(script.Trainer, "step", kept)


def losses(out: str) -> list[dict[str, float]]:
    """The losses of every step of a run."""
    with open(f"{out}/metrics.csv", newline="") as file:
        timings = ("step", "seconds", "per_second", "waiting")
        return [
            {name: float(value) for name, value in row.items() if name not in timings} for row in csv.DictReader(file)
        ]


def tensors(state: Any) -> list[torch.Tensor]:
    """All tensors of a state, in order."""
    if isinstance(state, torch.Tensor):
        return [state]
    parts = state.values() if isinstance(state, dict) else state if isinstance(state, list | tuple) else ()
    return [tensor for part in parts for tensor in tensors(part)]


def check_equal_ranks(count: int) -> None:
    """Networks, averages, running statistics and optimizers are the same everywhere."""
    states = [torch.load(f"rank{rank}.pt", weights_only=True) for rank in range(count)]
    for state in states[1:]:
        assert all(map(torch.equal, tensors(states[0]), tensors(state)))
    assert len(tensors(states[0])) > 4


@pytest.mark.parametrize("name", NETS)
def test_two_processes_train_as_one_does(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same batches, noise and losses; only the first process writes."""
    script = live(NETS[name], tmp_path)
    each_step(monkeypatch, script)
    assert script.main(arguments("alone")) == 0
    assert together(script, 2) == [0, 0]
    check_equal_ranks(2)
    alone, both = losses("alone"), losses("both")
    assert len(alone) == len(both) == 10
    for one, other in zip(alone, both, strict=True):
        assert one == pytest.approx(other, abs=1e-4, rel=1e-4)
    weights = [tensors(torch.load(f"{out}/checkpoint.pt", weights_only=True)) for out in ("alone", "both")]
    assert all(torch.allclose(*pair, atol=1e-3) for pair in zip(*weights, strict=True))
    assert Path("log0.txt").read_text().endswith("the time spent waiting for data\n")
    assert Path("log1.txt").read_text() == ""
    assert sorted(os.listdir("alone")) == sorted(os.listdir("both"))


def test_two_processes_go_on_as_they_would_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a signal that only one of them got, and with one process more."""
    script = live(NETS["batch norm"], tmp_path)
    each_step(monkeypatch, script)
    assert together(script, 2) == [0, 0]
    os.rename("both", "whole")
    step = script.Trainer.step

    def stopped(self: Any, batches: Any, number: int) -> Any:
        if self.process.rank == 1 and number == 4:
            os.kill(os.getpid(), 15)
        return step(self, batches, number)

    with monkeypatch.context() as patch:
        patch.setattr(script.Trainer, "step", stopped)
        assert together(script, 2) == [143, 143]
    assert torch.load("both/checkpoint.pt", weights_only=True)["step"] == 4
    assert together(script, 2, "--resume") == [0, 0]
    assert losses("whole") == losses("both")
    assert together(script, 3, "--resume", "--steps", "12") == [0, 0, 0]
    check_equal_ranks(3)


def test_gpus_are_joined_by_nccl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process takes the GPU of its local rank; there is none here, so that torch is asked and not obeyed."""
    script = live(NETS["batch norm"], tmp_path)
    asked: list[object] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", asked.append)
    monkeypatch.setattr(script, "usable", torch.device)
    monkeypatch.setattr(script.dist, "init_process_group", asked.append)
    monkeypatch.setattr(script.dist, "get_rank", lambda: 5)
    monkeypatch.setattr(script.dist, "get_world_size", lambda: 8)
    for name, value in {"RANK": "5", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    gpu = torch.device("cuda:1")
    assert script.start_process(None) == script.Process(gpu, 5, 8)
    assert asked == [gpu, "nccl"]
    network = script.synchronised(torch.nn.Sequential(torch.nn.BatchNorm2d(3)), script.Process(gpu, 5, 8))
    assert isinstance(network[0], torch.nn.SyncBatchNorm)
    penalised = live(NETS["batch norm twice differentiated"], tmp_path)
    network = penalised.synchronised(torch.nn.Sequential(torch.nn.BatchNorm2d(3)))
    assert isinstance(network[0], penalised.SharedBatchNorm)


@pytest.mark.parametrize(("nodes", "processes"), [(1, 2), (2, 1)])
def test_torchrun(nodes: int, processes: int, tmp_path: Path) -> None:
    """The command of the script's docstring on two CPUs, of one machine or of what it takes for two."""
    write(NETS["batch norm"], tmp_path)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    meeting = ["--nnodes", str(nodes), "--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{free_port()}"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    started = [
        subprocess.Popen(
            [*command, *meeting, "--node-rank", str(rank), "train.py", *arguments("both")],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(nodes)
    ]
    told, progress = zip(*(node.communicate(timeout=300) for node in started), strict=True)
    assert [node.returncode for node in started] == [0] * nodes, progress
    assert sorted(told)[-1].startswith("10 steps done; in both:\n") and "".join(told).count("steps done") == 1
    assert len(re.findall(r"^step 10/10", "".join(progress), re.MULTILINE)) == 1
    alone = live(NETS["batch norm"], tmp_path)
    assert alone.main(arguments("alone")) == 0
    for one, other in zip(losses("alone"), losses("both"), strict=True):
        assert one == pytest.approx(other, abs=1e-4, rel=1e-4)
