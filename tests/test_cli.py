"""The command line as a user meets it: what is printed where, what is written, and the exit status."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from dcgan_compiler import __version__, console
from dcgan_compiler.cli import main
from dcgan_compiler.layers import VOCABULARY
from dcgan_compiler.output import state

ROOT = Path(__file__).parents[1]
NET = """\
# A small network.
gan Tiny {
    param width = 8
    param affine = true

    input (3, 16, 16)
    latent 10

    default conv(kernel_size=4, stride=2, padding=1, bias=false)

    discriminator {
        conv(width) -> leaky_relu(0.2)
        conv(width * 2) -> batch_norm(affine=affine) -> leaky_relu(0.2)
        conv(1, stride=1, padding=0)
    }
}
"""
WRONG = NET.replace("batch_norm", "bach_norm")
WRONG_MESSAGE = """\
error[DG102]: there is no layer or block `bach_norm`
  --> wrong.dgan:13:28
   |
13 |         conv(width * 2) -> bach_norm(affine=affine) -> leaky_relu(0.2)
   |                            ^^^^^^^^^
   = help: did you mean `batch_norm`?

1 error
"""
CHECKERBOARD = NET.replace("kernel_size=4", "kernel_size=3")
CHECKERBOARD = CHECKERBOARD.replace("conv(1, stride", "conv(1, kernel_size=4, stride")

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in an empty folder but for the descriptions `net.dgan` and `wrong.dgan`."""
    monkeypatch.chdir(tmp_path)
    Path("net.dgan").write_text(NET)
    Path("wrong.dgan").write_text(WRONG)

    def invoke(*arguments: str, input: str | bytes | None = None) -> Result:
        return CliRunner().invoke(main, arguments, input=input, prog_name="dcganc")

    return invoke


def program(*arguments: str, cwd: Path, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the program as its own process, as the installed script does: without the current folder on the path."""
    start = f"import sys; sys.path[0] = {str(ROOT)!r}; from dcgan_compiler.cli import main; main(prog_name='dcganc')"
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
    return subprocess.run([sys.executable, "-c", start, *arguments], cwd=cwd, text=True, **options)  # type: ignore


def usage(result: Result) -> str:
    """The message of a usage error."""
    assert (result.exit_code, result.stdout) == (2, "")
    return result.stderr.partition("Error: ")[2].rstrip("\n")


# compile


def test_the_code_goes_to_standard_output(run: Run) -> None:
    result = run("compile", "net.dgan")
    assert (result.exit_code, result.stderr) == (0, "")
    assert state(result.stdout) == "intact"
    assert "class Generator(nn.Module):" in result.stdout


def test_or_to_a_file_with_a_word_about_it(run: Run) -> None:
    result = run("compile", "net.dgan", "-o", "model.py")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "model.py: Discriminator 2,720 parameters, Generator 5,040 parameters\n"
    printed = run("compile", "net.dgan", "-o", "-")
    assert (printed.stdout, printed.stderr) == (Path("model.py").read_text(), "")
    assert run("compile", "net.dgan", "-o", "model.py", "--quiet").stderr == ""


def test_or_to_a_file_for_each(run: Run) -> None:
    Path("other.json").write_text(run("convert", "net.dgan", "--to", "json").stdout)
    Path("out").mkdir()
    result = run("compile", "net.dgan", "other.json", "-d", "out")
    assert result.exit_code == 0
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["out/net.py", "out/other.py"]
    codes = [(Path("out") / name).read_text().splitlines()[5:] for name in ("net.py", "other.py")]
    assert codes[0] == codes[1]


def test_standard_input_is_a_description(run: Run) -> None:
    result = run("compile", "-", input=NET)
    assert result.exit_code == 0
    assert "from <stdin>" in result.stdout


def test_params_and_input_are_overridden(run: Run) -> None:
    result = run("compile", "net.dgan", "-D", "width=4", "-D", "affine=false", "--input", "1x16x16")
    assert "nn.Conv2d(1, 4, kernel_size=4" in result.stdout
    assert "nn.BatchNorm2d(8, affine=False)" in result.stdout
    assert (
        run("compile", "net.dgan", "--input", "(1, 16, 16)").stdout
        == run("compile", "net.dgan", "--input", "1,16,16").stdout
    )


def test_an_error_is_shown_with_its_place(run: Run) -> None:
    result = run("compile", "wrong.dgan", "-o", "model.py")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", WRONG_MESSAGE)


def test_nothing_is_written_if_any_description_has_an_error(run: Run) -> None:
    result = run("compile", "net.dgan", "wrong.dgan", "-d", ".")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", WRONG_MESSAGE)
    assert not list(Path().glob("*.py"))


def test_errors_precede_warnings(run: Run) -> None:
    Path("odd.dgan").write_text(CHECKERBOARD)
    lines = run("check", "odd.dgan", "wrong.dgan").stderr.splitlines()
    assert [line for line in lines if line.startswith(("error", "warning"))] == [
        "error[DG102]: there is no layer or block `bach_norm`",
        "warning[DG901]: kernel_size 3 is not divisible by stride 2: the transposed convolution of the generator can"
        " draw a checkerboard (Odena et al. 2016)",
    ]
    assert lines[-1] == "1 error and 1 warning"


def test_a_warning_can_be_ignored(run: Run) -> None:
    Path("odd.dgan").write_text(CHECKERBOARD)
    assert "DG901" in run("compile", "odd.dgan").stderr
    result = run("compile", "odd.dgan", "--ignore", "dg901")
    assert (result.exit_code, result.stderr) == (0, "")


def test_problems_as_json(run: Run) -> None:
    result = run("compile", "net.dgan", "wrong.dgan", "-d", ".", "--format", "json")
    net, wrong = json.loads(result.stderr)
    assert (result.exit_code, result.stdout) == (1, "")
    assert net == {"file": "net.dgan", "ok": True, "diagnostics": [], "diff": None}
    assert wrong["ok"] is False
    (problem,) = wrong["diagnostics"]
    assert (problem["code"], problem["place"]["line"], problem["place"]["column"]) == ("DG102", 13, 28)


def test_an_edited_file_is_kept(run: Run) -> None:
    run("compile", "net.dgan", "-o", "model.py")
    edited = Path("model.py").read_text().replace("0.2", "0.1")
    Path("model.py").write_text(edited)
    result = run("compile", "net.dgan", "-o", "model.py")
    assert result.exit_code == 1
    assert result.stderr.startswith(
        "error: `model.py` was edited since dcganc generated it\n"
        " = help: move the edits into the description, or give them up with `--force`\n"
        "--- model.py\n+++ model.py (compiled now)\n@@ "
    )
    assert Path("model.py").read_text() == edited
    assert run("compile", "net.dgan", "-o", "model.py", "--force").exit_code == 0
    assert state(Path("model.py").read_text()) == "intact"


def test_a_description_is_never_overwritten_by_its_code(run: Run) -> None:
    result = run("compile", "net.dgan", "-o", "net.dgan", "--force")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: `net.dgan` is the same file as the input `net.dgan`\n")
    assert Path("net.dgan").read_text() == NET


def test_a_file_that_is_not_text(run: Run) -> None:
    Path("latin.dgan").write_bytes(b"# caf\xe9\n")
    result = run("check", "latin.dgan")
    assert result.exit_code == 1
    assert result.stderr.startswith("error[DG006]: the file is not UTF-8 text: byte 0xe9 at offset 5\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["net.dgan", "absent.dgan", "-d", "."], "Invalid value for 'NET...': File 'absent.dgan' does not exist."),
        (["net.dgan", "wrong.dgan"], "The code of several descriptions needs a directory: -d DIRECTORY."),
        (["net.dgan", "-o", "a.py", "-d", "."], "-o and -d exclude each other."),
        (["-", "-d", "."], "Standard input has no name for a file in a directory: use -o FILE."),
        (["-", "-"], "Invalid value for 'NET...': standard input can be read only once."),
        (["net.dgan", "./net.dgan", "-d", "."], "net.dgan and ./net.dgan would both be written to net.py."),
        (
            ["net.dgan", "-D", "width"],
            "Invalid value for '-D' / '--define': 'width' does not have the form NAME=VALUE.",
        ),
        (["net.dgan", "-D", "width=big"], "Invalid value for '-D' / '--define': 'big' is not a number, true or false."),
        (["net.dgan", "-D", "width=inf"], "Invalid value for '-D' / '--define': 'inf' is not a number, true or false."),
        (["net.dgan", "--input", "3,,4"], "Invalid value for '--input': '3,,4' is not a shape such as 3,64,64."),
        (["net.dgan", "--ignore", "DG999"], "Invalid value for '--ignore': there is no warning 'DG999'."),
        (
            ["net.dgan", "--ignore", "DG302"],
            "Invalid value for '--ignore': DG302 is an error; only warnings can be ignored.",
        ),
    ],
)
def test_wrong_usage(run: Run, arguments: list[str], message: str) -> None:
    assert usage(run("compile", *arguments)) == message


# check


def test_check_says_what_is_fine(run: Run) -> None:
    result = run("check", "net.dgan", "wrong.dgan")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "net.dgan: ok\n", WRONG_MESSAGE)
    assert run("check", "net.dgan").exit_code == 0


def test_check_as_json(run: Run) -> None:
    result = run("check", "net.dgan", "wrong.dgan", "--format", "json")
    assert (result.exit_code, result.stderr) == (1, "")
    assert [(one["file"], one["ok"]) for one in json.loads(result.stdout)] == [
        ("net.dgan", True),
        ("wrong.dgan", False),
    ]


def test_check_compares_with_a_generated_file(run: Run) -> None:
    run("compile", "net.dgan", "-o", "model.py")
    assert run("check", "net.dgan", "--against", "model.py").stdout == "net.dgan: ok\n"
    Path("net.dgan").write_text(NET.replace("leaky_relu(0.2)", "leaky_relu(0.1)", 1))
    result = run("check", "net.dgan", "--against", "model.py")
    assert result.exit_code == 1
    assert result.stdout.startswith("--- model.py\n+++ model.py (compiled now)\n@@ ")
    changed = [line for line in result.stdout.splitlines() if "LeakyReLU" in line and line[0] in "+-"]
    assert [line.split("(")[1].split(",")[0] for line in changed] == ["0.2", "0.1"]
    assert result.stderr == (
        "error: `model.py` is out of date\n = help: `dcganc compile net.dgan -o model.py` writes it anew\n"
    )
    (outcome,) = json.loads(run("check", "net.dgan", "--against", "model.py", "--format", "json").stdout)
    assert (outcome["ok"], outcome["diff"]) == (False, result.stdout)


def test_line_endings_do_not_make_a_file_out_of_date(run: Run) -> None:
    code = run("compile", "net.dgan").stdout
    Path("model.py").write_bytes(code.replace("\n", "\r\n").encode())
    assert run("check", "net.dgan", "--against", "model.py").exit_code == 0


def test_against_with_an_error(run: Run) -> None:
    Path("model.py").write_text("")
    result = run("check", "wrong.dgan", "--against", "model.py")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", WRONG_MESSAGE)
    assert usage(run("check", "net.dgan", "wrong.dgan", "--against", "model.py")).startswith("--against compares one")


# fmt, convert, new, layers

MESSY = NET.replace("-> batch_norm", "  ->   batch_norm").replace("    latent 10\n", "    latent   10  # short\n")
TIDY = NET.replace("latent 10\n", "latent 10  # short\n")


def test_fmt_in_place(run: Run) -> None:
    Path("messy.dgan").write_text(MESSY)
    result = run("fmt", "net.dgan", "messy.dgan")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "messy.dgan: formatted\n")
    assert Path("messy.dgan").read_text() == TIDY
    assert Path("net.dgan").read_text() == NET


def test_fmt_checks(run: Run) -> None:
    Path("messy.dgan").write_text(MESSY)
    result = run("fmt", "--check", "net.dgan", "messy.dgan")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "messy.dgan: not formatted\n")
    assert run("fmt", "--check", "net.dgan").exit_code == 0
    assert Path("messy.dgan").read_text() == MESSY


def test_fmt_shows_the_difference(run: Run) -> None:
    Path("messy.dgan").write_text(MESSY)
    result = run("fmt", "--diff", "messy.dgan")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("--- messy.dgan\n+++ messy.dgan (formatted)\n")
    assert "-    latent   10  # short\n+    latent 10  # short\n" in result.stdout
    assert run("fmt", "--diff", "--check", "messy.dgan").exit_code == 1
    assert Path("messy.dgan").read_text() == MESSY


def test_fmt_from_standard_input(run: Run) -> None:
    assert run("fmt", "-", input=MESSY).stdout == TIDY
    assert run("fmt", "-", input=NET).stdout == NET
    assert run("fmt", "--check", "-", input=MESSY).exit_code == 1
    assert run("fmt", "--check", "-", input=NET).output == ""


def test_fmt_changes_nothing_if_anything_can_not_be_read(run: Run) -> None:
    Path("messy.dgan").write_text(MESSY)
    Path("broken.dgan").write_text("gan {")
    result = run("fmt", "messy.dgan", "broken.dgan")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error[DG001]")
    assert Path("messy.dgan").read_text() == MESSY


def test_convert_both_ways(run: Run) -> None:
    to_json = run("convert", "net.dgan", "--to", "json", "-o", "net.json")
    assert to_json.stderr == "warning: JSON has no comments; those of the description are left out\n"
    assert json.loads(Path("net.json").read_text())["gan"] == "Tiny"
    back = run("convert", "net.json", "--to", "dgan")
    assert (back.exit_code, back.stderr) == (0, "")
    assert run("compile", "-", input=back.stdout).stdout == run("compile", "-", input=NET).stdout
    assert run("convert", "-", "--to", "json", input=back.stdout).stdout == Path("net.json").read_text()
    assert run("fmt", "--check", "net.json").exit_code == 0


def test_convert_keeps_a_file_that_exists(run: Run) -> None:
    result = run("convert", "net.dgan", "--to", "json", "-o", "wrong.dgan")
    assert result.exit_code == 1
    assert "error: `wrong.dgan` exists\n" in result.stderr
    assert Path("wrong.dgan").read_text() == WRONG


def test_new_lists_what_there_is(run: Run) -> None:
    lines = run("new", "--list").stdout.splitlines()
    names = [line.split()[0] for line in lines]
    assert {"dcgan64", "vae_mlp"} <= {*names}
    assert all(len(line.split(maxsplit=1)) == 2 for line in lines)


def test_new_starts_a_description(run: Run) -> None:
    assert run("new", "dcgan64", "-o", "start.dgan").exit_code == 0
    assert run("new", "dcgan64").stdout == Path("start.dgan").read_text()
    assert run("check", "start.dgan").exit_code == 0


def test_new_keeps_a_file_that_exists(run: Run) -> None:
    result = run("new", "dcgan64", "-o", "net.dgan")
    assert (result.exit_code, Path("net.dgan").read_text()) == (1, NET)
    assert result.stderr == ("error: `net.dgan` exists\n = help: choose another name, or overwrite it with `--force`\n")
    assert run("new", "dcgan64", "-o", "net.dgan", "--force").exit_code == 0
    assert Path("net.dgan").read_text() != NET


def test_new_knows_its_presets(run: Run) -> None:
    assert usage(run("new", "dcgan46")) == "There is no example 'dcgan46'; did you mean dcgan64?"
    assert usage(run("new", "zzz")) == "There is no example 'zzz'; `dcganc new --list` shows all."
    assert usage(run("new")) == "Missing argument 'PRESET'; `dcganc new --list` shows all."


def test_layers_lists_the_vocabulary(run: Run) -> None:
    rows = [line.split()[0] for line in run("layers").stdout.splitlines() if line.startswith("  ")]
    assert sorted(rows) == sorted(VOCABULARY)


@pytest.mark.parametrize("name", VOCABULARY)
def test_each_layer_is_described(run: Run, name: str) -> None:
    text, layer = run("layers", name).stdout, VOCABULARY[name]
    assert text.startswith(f"{name}(")
    assert all(f"    {parameter.name} " in text for parameter in layer.parameters)
    words = text.split()
    for rule in (layer.summary, layer.shape_rule, layer.mirror_rule):
        assert " ".join(rule.split()) in " ".join(words)


def test_an_argument_without_a_default_that_can_be_written(run: Run) -> None:
    assert run("layers", "max_pool").stdout.startswith("max_pool(kernel_size, [stride], padding=0, ")


def test_layers_guesses(run: Run) -> None:
    assert usage(run("layers", "conv2d")) == "There is no layer 'conv2d'; did you mean conv?"


# The program as a whole


def test_version_and_help(run: Run) -> None:
    assert run("--version").stdout == f"dcganc {__version__}\n"
    assert all(f"\n  {name} " in run("-h").stdout for name in main.commands)


@pytest.mark.parametrize("name", main.commands)
def test_every_command_has_an_example(run: Run, name: str) -> None:
    assert f"\n    dcganc {name}" in run(name, "--help").stdout


def test_a_bug_is_reported_as_one(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise KeyError("width")

    monkeypatch.setattr("dcgan_compiler.descriptions.compile_source", fail)
    result = run("compile", "net.dgan")
    assert (result.exit_code, result.stdout) == (70, "")
    assert result.stderr == (
        "error: this is a bug in dcganc: KeyError: 'width'; please report it\n"
        " = help: set DCGANC_DEBUG=1 to see where it happened\n"
    )
    monkeypatch.setenv("DCGANC_DEBUG", "1")
    assert isinstance(run("compile", "net.dgan").exception, KeyError)


def test_colour_is_for_terminals(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b" not in run("check", "wrong.dgan").stderr
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    shown: list[str] = []
    monkeypatch.setattr(click, "echo", lambda text, err: shown.append(text))
    console.complain(WRONG_MESSAGE)
    monkeypatch.setenv("NO_COLOR", "1")
    console.complain(WRONG_MESSAGE)
    red, bold, end = "\x1b[31m\x1b[1m", "\x1b[1m", "\x1b[0m"
    coloured = WRONG_MESSAGE.replace("error[DG102]:", f"{red}error[DG102]:{end}")
    carets = " " * 28 + "^" * 9
    assert shown == [coloured.replace(carets, f"{bold}{carets}{end}"), WRONG_MESSAGE]


def test_completion_offers_names(run: Run) -> None:
    def offered(words: str) -> list[str]:
        environment = {"_DCGANC_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        result = CliRunner(env=environment).invoke(main, prog_name="dcganc")
        return [line.partition(",")[2] for line in result.stdout.split()]

    assert offered("dcganc layers conv") == ["conv", "conv_transpose"]
    assert "dcgan64" in offered("dcganc new dcgan")
    assert "DG901" in offered("dcganc check --ignore DG90")


def test_a_full_or_closed_output_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "net.dgan").write_text(NET)
    with open("/dev/full", "w") as full:
        done = program("compile", "net.dgan", cwd=tmp_path, stdout=full)
    assert (done.returncode, done.stderr) == (
        1,
        "error: can not write to standard output: no space left on device\n",
    )
    done = program("compile", "net.dgan", cwd=tmp_path, preexec_fn=lambda: os.close(1), stdout=None)
    assert (done.returncode, done.stderr) == (1, "error: can not write to standard output: it is closed\n")


def test_a_reader_that_has_enough_is_no_news(tmp_path: Path) -> None:
    (tmp_path / "net.dgan").write_text(NET)
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as pipe:
        done = program("compile", "net.dgan", cwd=tmp_path, stdout=pipe)
    assert (done.returncode, done.stderr) == (1, "")


def test_an_interrupt_ends_it_without_a_traceback(tmp_path: Path) -> None:
    start = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # as in the foreground
    start += f"import sys; sys.path[0] = {str(ROOT)!r}; from dcgan_compiler import cli, console, descriptions\n"
    start += "print('ready', flush=True); cli.main(['compile', '-'], prog_name='dcganc')"
    with subprocess.Popen(
        [sys.executable, "-c", start],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stdin is not None and process.stderr is not None
        process.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):  # it waits for its input by now
            process.wait(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stderr.read().strip() == b""


@pytest.mark.parametrize("as_module", [False, True], ids=["script", "module"])
def test_files_in_the_current_folder_are_not_imported(tmp_path: Path, as_module: bool) -> None:
    for name in ("torch", "black", "lark", "jinja2", "click", "rich", "json"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('imported {name}.py')\n")
    (tmp_path / "net.dgan").write_text(NET)
    arguments = ["compile", "net.dgan", "-o", "model.py"]
    if as_module:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "dcgan_compiler", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    else:
        done = program(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        0,
        "model.py: Discriminator 2,720 parameters, Generator 5,040 parameters\n",
    )


def test_the_public_interface_is_there() -> None:
    import dcgan_compiler

    assert set(dcgan_compiler.__all__) <= set(dir(dcgan_compiler))
    assert all(getattr(dcgan_compiler, name) for name in dcgan_compiler.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        dcgan_compiler.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_importing_the_package_loads_next_to_nothing() -> None:
    program = "import sys, dcgan_compiler; print(sorted(name for name in sys.modules if name.startswith('dcgan_')))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "['dcgan_compiler']\n"
