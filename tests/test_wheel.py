"""What is published works where it is installed: without the checkout, without torch, from any directory."""

import ast
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def build(source: Path, target: str, folder: Path) -> Path:
    """The archive that hatchling makes of a source tree; without isolation, so that no network is needed."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (archive,) = folder.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return archive


def requirements(distribution: Distribution) -> Iterator[Distribution]:
    """All that a distribution needs at run time, directly or not, as installed here."""
    seen: set[str] = set()
    waiting = [distribution]
    while waiting:
        for line in waiting.pop().requires or []:
            need = Requirement(line)
            wanted = need.marker is None or need.marker.evaluate({"extra": ""})
            if wanted and need.name not in seen:
                seen.add(need.name)
                waiting.append(Distribution.from_name(need.name))
                yield waiting[-1]


def link(distribution: Distribution, site: Path) -> None:
    """Make a distribution importable from another site directory too."""
    tops = {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__"}
    for top in tops:
        (site / top).symlink_to(Path(str(distribution.locate_file(top))))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment with the wheel and exactly what it declares to need; its folder of programs."""
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    (package,) = distributions(name="dcganc", path=[str(site)])
    for needed in requirements(package):
        link(needed, site)
    return python.parent


def test_the_wheel_holds_the_package_and_its_data(wheel: Path) -> None:
    folders = {"dcgan_compiler": "dcgan_compiler"}
    folders |= {name: f"dcgan_compiler/{name}" for name in ("grammar", "templates", "examples")}
    expected = {
        f"{inside}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, inside in folders.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    names = zipfile.ZipFile(wheel).namelist()
    assert {name for name in names if ".dist-info/" not in name} == expected


def test_a_wheel_built_from_the_source_distribution_is_the_same(wheel: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(build(ROOT, "sdist", tmp_path), tmp_path)
    (source,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert build(source, "wheel", tmp_path).read_bytes() == wheel.read_bytes()


def test_the_installed_program_compiles_without_torch(installed: Path, tmp_path: Path) -> None:
    absent = subprocess.run([installed / "python", "-c", "import torch"], capture_output=True, text=True)
    assert "No module named 'torch'" in absent.stderr
    (net,) = installed.parent.glob("lib/python*/site-packages/dcgan_compiler/examples/dcgan64.dgan")
    command = [installed / "dcganc", "compile", net, "-o", "model.py", "--train", "train.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    tree = ast.parse((tmp_path / "model.py").read_text(encoding="utf-8"))
    assert {"Discriminator", "Generator"} <= {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    assert "from model import" in (tmp_path / "train.py").read_text(encoding="utf-8")
