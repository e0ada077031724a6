"""Every budget and every oddity of the input: the first line of what is said, and that it is said in two seconds."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from oracle import MAX_SECONDS

from dcgan_compiler.cli import main
from dcgan_compiler.compiler import Compilation, analyse, compile_file, compile_text, decode
from dcgan_compiler.diagnostics import DescriptionError, render_all
from dcgan_compiler.limits import NAMES, limited, limits
from dcgan_compiler.source import Source

MAX_BYTES = limits().bytes
CONV = "conv(4, kernel_size=3)"


def gan(body: str = CONV, statements: str = "") -> str:
    """A description in which nothing else is wrong."""
    return (
        f"gan Net {{\ninput (1, 8, 8)\nlatent 4\n{statements}\n"
        f"discriminator {{\n{body}\nflatten -> linear(1)\n}}\n}}\n"
    )


def gan_in_json(slope: str = "0.2", further: str = "") -> str:
    """The same in JSON; `slope` is that of an activation."""
    layers = f'[{{"conv": [4, 3]}}, {{"leaky_relu": [{slope}]}}], ["flatten", {{"linear": [1]}}]'
    return f'{{"gan": "Net", "input": [1, 8, 8], "latent": 4, {further} "discriminator": [{layers}]}}\n'


def analysed(data: str | bytes) -> Compilation:
    """What is said about a file with this content, within the time."""
    data = data if isinstance(data, bytes) else data.encode()
    start = time.process_time()
    try:
        compilation = analyse(decode("net.dgan", data))
    except DescriptionError as error:
        compilation = Compilation(error.diagnostics)
    render_all(compilation.diagnostics)
    assert time.process_time() - start < MAX_SECONDS
    return compilation


def first_line(data: str | bytes) -> str:
    return render_all(analysed(data).diagnostics).partition("\n")[0]


def blocks(first: str, body: Callable[[str], str], count: int) -> str:
    """Blocks `a0` to `a<count>`, each of which calls the one before it."""
    return "\n".join(
        [f"block a0() {{ {first} }}", *(f"block a{n}() {{ {body(f'a{n - 1}')} }}" for n in range(1, count + 1))]
    )


# Budgets

MANY = "error[DG501]: the description expands to more than 20,000 layers"
LONG = "error[DG008]: the description is longer than 262,144 bytes"
DEEP = "error[DG003]: brackets are nested more than 64 deep"
DEEP_JSON = "error[DG003]: brackets are nested more than 272 deep"
NAME_RULE = "names are at most 64 ASCII letters, digits and `_`, and do not begin with a digit"

BUDGETS = {
    "20,000 parentheses": (gan(statements="param a = " + "(" * 20_000 + "1" + ")" * 20_000), DEEP),
    "20,000 braces": (gan("residual { " * 20_000 + "relu" + " }" * 20_000), DEEP),
    "20,000 powers": (
        gan(statements="param a = 2" + " ** 2" * 20_000),
        "error[DG004]: an expression may have at most 400 characters; this one has 60001",
    ),
    "100,000 arrays": ("[" * 100_000, DEEP_JSON),
    "40,000 objects": ('{"gan":' * 37_000, DEEP_JSON),
    "100,000 arrays as a value": (gan_in_json("[" * 100_000 + "1" + "]" * 100_000), DEEP_JSON),
    "1,000,000 lines": (gan("relu\n" * 1_000_000), LONG),
    "1,000,000 labels": (gan("\n".join(f"l{n}: relu" for n in range(1_000_000))), LONG),
    "a line of 1 MB": (gan() + "#" * 1_000_000, LONG),
    "a megabyte of spaces": (gan() + " " * 1_000_000, LONG),
    "an integer of 5,000 digits": (
        gan(f"conv({'9' * 5000}, kernel_size=3)"),
        "error[DG005]: the number 999999999999999999999999... is out of range (the limit is 10^18)",
    ),
    "an integer of 5,000 digits in JSON": (
        gan_in_json("9" * 5000),
        "error[DG005]: the number 999999999999999999999999... is out of range (the limit is 10^18)",
    ),
    "a product beyond the limit": (
        gan("conv(10 ** 18 * 10, kernel_size=3)"),
        "error[DG207]: 10 ** 18 * 10: the result is not a number within 10^18",
    ),
    "a tower of powers": (
        gan("conv(9 ** 9 ** 9, kernel_size=3)"),
        "error[DG207]: 9 ** 9 ** 9: the exponent is larger than 64",
    ),
    "10^12 parameters": (
        "gan Net { input 1000000; latent 4; discriminator { linear(2000000) } }",
        "error[DG309]: `linear` has too many parameters: 2,000,002,000,000 (the limit is 1,099,511,627,776)",
    ),
    "10^12 values": (
        gan("conv(4, kernel_size=3) -> upsample(scale_factor=1000000)"),
        "error[DG309]: the output of `upsample` has too many values: (4, 6000000, 6000000)"
        " (the limit is 1,099,511,627,776)",
    ),
    "10^12 values of the input": (
        "gan Net { input (3, 1000000, 1000000); latent 4; discriminator { flatten -> linear(1) } }",
        "error[DG309]: the input has too many values: (3, 1000000, 1000000) (the limit is 1,099,511,627,776)",
    ),
    "a repeat": (
        gan("repeat 10001 { relu }"),
        "error[DG504]: a repeat count must be a whole number from 1 to 10000, not 10001",
    ),
    "a product of repeats": (gan("repeat 10000 { repeat 10000 { relu } }"), MANY),
    "repeats of nothing": (gan("repeat 10000 { repeat 10000 { } }"), MANY),
    "repeats of long lines": (
        gan("repeat 10000 { a }", "block a() { " + " -> ".join(["relu"] * 1000) + " }"),
        MANY,
    ),
    "a billion laughs": (gan("a9", blocks("relu", lambda name: " -> ".join([name] * 10), 9)), MANY),
    "2^30 laughs": (gan("a30", blocks("relu", lambda name: f"{name} -> {name}", 30)), MANY),
    "2^30 laughs at nothing": (gan("a30", blocks("", lambda name: f"{name} -> {name}", 30)), MANY),
    "2^30 branches": (
        gan("a30", blocks("relu", lambda name: f"sum {{ branch {{ {name} }} branch {{ {name} }} }}", 30)),
        MANY,
    ),
    "blocks in blocks": (
        gan("a40", blocks("relu", str, 40)),
        "error[DG503]: blocks are nested more than 32 deep",
    ),
    "a recursion": (
        gan("a", "block a() { b }\nblock b() { relu -> c }\nblock c() { a }"),
        "error[DG502]: the block calls itself: a -> b -> c -> a",
    ),
    "a name of 100,000 letters": (
        gan(f"{'a' * 100_000}: {CONV}"),
        f"error[DG112]: `{'a' * 80}` can not be the name of a line: {NAME_RULE}",
    ),
}


@pytest.mark.parametrize(("text", "expected"), BUDGETS.values(), ids=BUDGETS.keys())
def test_budgets(text: str, expected: str) -> None:
    assert first_line(text) == expected


CROWDED = {
    "labels": gan("\n".join(f"l{n}: relu" for n in range(10_000))),
    "one label": gan("l: relu\n" * 10_000),
    "params": gan(statements="\n".join(f"param p{n} = {n}" for n in range(10_000))),
    "blocks": gan(statements="\n".join(f"block a{n}() {{ relu }}" for n in range(8_000))),
    "defaults": gan(statements="default conv(stride=1)\n" * 8_000),
    "arguments": gan(f"conv({', '.join(f'a{n}=1' for n in range(8_000))})"),
    "arguments of a block": gan("a(1)", f"block a({', '.join(f'a{n}=1' for n in range(8_000))}) {{ relu }}"),
    "unknown layers": gan("rellu\n" * 10_000),
    "unknown names": gan("conv(wdth, kernel_size=3)\n" * 5_000, "\n".join(f"param w{n} = 1" for n in range(2_000))),
    "a comment": gan() + "#" * 200_000,
    "comments": gan() + "#\n" * 100_000,
    "a word": "a" * MAX_BYTES,
    "a chain with an end that is wrong": gan(" -> ".join(["relu"] * 20_000) + " -> $"),
    "statements on one line": "gan Net { " + "latent 3 " * 10_000 + "}",
    "quotes": '"' * MAX_BYTES,
    "closing brackets": "gan Net " + "}" * 200_000,
    "arrays": "[" + "[]," * 25_000 + "[]]",
    "strings": '{"gan": "Net", "latent": [' + '"1+1",' * 12_000 + "1]}",
    "keys": "{" + ",".join(f'"k{n}": 1' for n in range(15_000)) + "}",
}


@pytest.mark.parametrize("text", CROWDED.values(), ids=CROWDED.keys())
def test_many_of_anything_are_read_in_time(text: str) -> None:
    """The time is linear in the size: it once was not for params, blocks, labels and suggestions."""
    assert len(text.encode()) <= MAX_BYTES
    analysed(text)


def test_the_size_is_counted_in_bytes() -> None:
    comment = "#" + "é" * (MAX_BYTES // 2)
    assert first_line(gan() + comment) == LONG
    assert first_line(gan() + comment[: -len(gan().encode()) // 2 - 1]) == ""
    assert compile_text(gan() + "#" * MAX_BYTES).diagnostics[0].kind.code == "DG008"


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    assert compile_file("/dev/zero").diagnostics[0].message == "the description is longer than 262,144 bytes"
    result = CliRunner().invoke(main, ["check", "/dev/zero"])
    assert (result.exit_code, result.stderr.partition("\n")[0]) == (1, LONG)
    result = CliRunner().invoke(main, ["check", "-"], input=gan() + "#" * MAX_BYTES)
    assert (result.exit_code, result.stderr.partition("\n")[0]) == (1, LONG)


def test_twenty_problems_are_shown_and_the_others_counted() -> None:
    shown = render_all(analysed(gan("rellu\n" * 57)).diagnostics)
    assert shown.count("error[DG102]") == 20
    assert shown.endswith("\n57 errors; the last 37 not shown (`--limit problems=N` shows more)")


# Other limits

LIFTED = {
    "bytes": (2**20, gan() + "#" * MAX_BYTES),
    "layers": (30_000, gan(f"{CONV}\nrepeat 2 {{ repeat 5100 {{ relu }} }}")),
    "repeat": (10_001, gan(f"{CONV}\nrepeat 10001 {{ }}")),
    "values": (10**14, gan("upsample(scale_factor=1000000) -> max_pool(1000000)\n" + CONV)),
    "parameters": (10**13, "gan Net { input 1000000; latent 4; discriminator { linear(2000000) } }"),
}


@pytest.mark.parametrize(("name", "limit", "text"), [(name, *rest) for name, rest in LIFTED.items()], ids=LIFTED)
def test_a_limit_can_be_raised(name: str, limit: int, text: str) -> None:
    """The help says how, and with the other limit the same description is accepted."""
    refused = analysed(text)
    assert [one.is_error for one in refused.diagnostics] == [True]
    assert f"`--limit {name}=N` allows more" in str(refused.diagnostics[0].help)
    with limited(**{name: limit}):
        assert analysed(text).model is not None
    assert analysed(text).diagnostics == refused.diagnostics
    result = CliRunner().invoke(main, ["check", "-", "--limit", f"{name}={limit}"], input=text)
    assert (result.exit_code, result.stdout) == (0, "-: ok\n")


def test_a_limit_can_be_lowered() -> None:
    lower = {"bytes": len(gan()) - 1, "layers": 2, "repeat": 2, "values": 143, "parameters": 39}
    assert set(lower) == {*LIFTED} == {*NAMES} - {"problems"}
    text = gan(f"repeat 3 {{ relu }}\n{CONV}")
    assert analysed(text).model is not None
    for name, limit in lower.items():
        with limited(**{name: limit}):
            first = analysed(text).diagnostics[0]
            assert f"`--limit {name}=N`" in str(first.help)


def test_as_many_problems_are_shown_as_wanted() -> None:
    text = gan("rellu\n" * 57)
    for limit, closing in (
        (57, "57 errors"),
        (3, "57 errors; the last 54 not shown (`--limit problems=N` shows more)"),
    ):
        for command in ("check", "show"):
            result = CliRunner().invoke(main, [command, "-", "--limit", f"problems={limit}"], input=text)
            assert result.stderr.count("error[DG102]") == limit and result.stderr.endswith(f"\n{closing}\n")
    wrong = "gan Net {\n" + "  latent $\n  latent 1\n" * 30 + "}\n"
    assert len(analysed(wrong).diagnostics) == 20
    with limited(problems=100):
        assert len(analysed(wrong).diagnostics) == 30


def test_limits_hold_inside_of_their_block() -> None:
    outside = limits()
    with limited(layers=5), limited(repeat=6):
        assert (limits().layers, limits().repeat, limits().values) == (5, 6, outside.values)
    with pytest.raises(KeyError), limited(layers=5):
        raise KeyError
    assert limits() == outside


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"depth": 1}, f"there is no limit 'depth'; the limits are {', '.join(NAMES)}"),
        ({"layers": 0}, "the limit 'layers' must be an integer of at least 1, not 0"),
        ({"layers": 1e9}, "the limit 'layers' must be an integer of at least 1, not 1000000000.0"),
        ({"layers": True}, "the limit 'layers' must be an integer of at least 1, not True"),
    ],
)
def test_a_limit_that_makes_no_sense(changed: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)), limited(**changed):
        pass


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("depth=100", f"'depth=100' names no limit; the limits are {', '.join(NAMES)}."),
        ("layers", "'' is no whole number of at least 1."),
        ("layers=0", "'0' is no whole number of at least 1."),
        ("layers=many", "'many' is no whole number of at least 1."),
    ],
)
def test_an_option_that_makes_no_sense(written: str, message: str) -> None:
    result = CliRunner().invoke(main, ["check", "-", "--limit", written], input=gan())
    assert result.exit_code == 2 and message in result.stderr


@pytest.mark.parametrize("command", [["fmt"], ["convert", "--to", "json"], ["compile"], ["explain"], ["graph"]])
def test_every_command_that_reads_a_description_takes_limits(command: list[str]) -> None:
    text = gan() + "#" * MAX_BYTES
    assert CliRunner().invoke(main, [*command, "-"], input=text).exit_code == 1
    assert CliRunner().invoke(main, [*command, "-", "--limit", "bytes=1000000"], input=text).exit_code == 0


# Numbers

SLOPE = "`negative_slope` must be a number of at least 0"
KERNEL = "`kernel_size` must be a whole number of at least 1, or a tuple with one for each axis"
SHAPE = "`unflattened_size` must be a shape such as (64, 7, 7)"
NUMBERS = {
    "NaN": "error[DG104]: `NaN` is not defined here",
    "Infinity": "error[DG104]: `Infinity` is not defined here",
    "1e999": "error[DG005]: the number 1e999 is out of range (the limit is 10^18)",
    "1.1e18": "error[DG005]: the number 1.1e18 is out of range (the limit is 10^18)",
    "1e18": "",
    "true": f"error[DG201]: {SLOPE}, not true",
    "-1": f"error[DG201]: {SLOPE}, not -1",
    '"0.2"': f'error[DG201]: {SLOPE}, not "0.2"',
    "1 / 0": "error[DG207]: 1 / 0: division by zero (1 / 0)",
    "1e18 * 1e18": "error[DG207]: 1e18 * 1e18: the result is not a number within 10^18",
    "(1, 2)": f"error[DG201]: {SLOPE}, not (1, 2)",
    "-0.0": "",
    "1e-320": "",
}
NUMBERS_IN_JSON = {
    "NaN": "error[DG010]: this is not JSON: expected a value or `]`, found `NaN`",
    "Infinity": "error[DG010]: this is not JSON: expected a value or `]`, found `Infinity`",
    "-Infinity": "error[DG010]: this is not JSON: expected a value or `]`, found `-`",
    "1e999": "error[DG005]: the number 1e999 is out of range (the limit is 10^18)",
    "-1e999": "error[DG005]: the number 1e999 is out of range (the limit is 10^18)",
    "true": f"error[DG201]: {SLOPE}, not true",
    "null": "error[DG012]: expected a number, a truth value, an expression in a string, or an array of these,"
    " found `null`",
    '"NaN"': f'error[DG201]: {SLOPE}, not "NaN"',
}
GEOMETRY = {
    "conv(4, kernel_size=0)": f"error[DG201]: {KERNEL}, not 0",
    "conv(4, kernel_size=-0.0)": f"error[DG201]: {KERNEL}, not -0.0",
    "conv(4, kernel_size=3.0)": f"error[DG201]: {KERNEL}, not 3.0",
    "conv(4, kernel_size=true)": f"error[DG201]: {KERNEL}, not true",
    "conv(4, kernel_size=3, stride=0)": f"error[DG201]: {KERNEL.replace('kernel_size', 'stride')}, not 0",
    "conv(4, kernel_size=3, padding=-1)": "error[DG201]: `padding` must be a whole number of at least 0, or a tuple"
    ' with one for each axis, or one of "same", "valid", not -1',
    "conv(4, kernel_size=11, padding=1)": "error[DG302]: `conv`: kernel_size 11 does not fit:"
    " (8 + 2*1 - 1*(11 - 1) - 1) / 1 + 1 < 1",
    "conv(true, kernel_size=3)": "error[DG201]: `out_channels` must be a whole number of at least 1, not true",
    "flatten -> unflatten((64, 1))": "",
    "flatten -> unflatten((1, 8, 8))": "",
    "flatten -> unflatten((1, 4, 4, 4))": "",
    "flatten -> unflatten(64)": f"error[DG201]: {SHAPE}, not 64",
    "flatten -> unflatten((64,))": f"error[DG201]: {SHAPE}, not (64)",
    "flatten -> unflatten((1, 1, 4, 4, 4))": f"error[DG201]: {SHAPE}, not (1, 1, 4, 4, 4)",
    "flatten -> unflatten((64, 0))": f"error[DG201]: {SHAPE}, not (64, 0)",
    "flatten -> unflatten((8, 8.0))": f"error[DG201]: {SHAPE}, not (8, 8.0)",
    "dropout(0)": "",
    "dropout(1)": "",
    "dropout(-0.01)": "error[DG201]: `p` must be a number from 0 to 1, not -0.01",
    "dropout(1.01)": "error[DG201]: `p` must be a number from 0 to 1, not 1.01",
    "softmax(dim=1)": "",
    "softmax(dim=2)": "error[DG201]: `dim` must be 1, the channels, not 2",
    "softmax(dim=true)": "error[DG201]: `dim` must be 1, the channels, not true",
    "conv(2147483648, kernel_size=3)": "error[DG201]: `out_channels` must be a whole number of at least 1,"
    " not 2147483648",
}


@pytest.mark.parametrize(("number", "expected"), NUMBERS.items(), ids=NUMBERS.keys())
def test_numbers(number: str, expected: str) -> None:
    assert first_line(gan(f"{CONV} -> leaky_relu({number})")) == expected


@pytest.mark.parametrize(("number", "expected"), NUMBERS_IN_JSON.items(), ids=NUMBERS_IN_JSON.keys())
def test_numbers_in_json(number: str, expected: str) -> None:
    assert first_line(gan_in_json(number)) == expected


@pytest.mark.parametrize(("layer", "expected"), GEOMETRY.items(), ids=GEOMETRY.keys())
def test_sizes_that_make_no_sense(layer: str, expected: str) -> None:
    assert first_line(gan(layer)) == expected


# Text

ODD_TEXTS = {
    "empty": (b"", "error[DG007]: there is no model in this file"),
    "only a byte order mark": (b"\xef\xbb\xbf", "error[DG007]: there is no model in this file"),
    "only comments": (b"# gan Net {\n# }\n", "error[DG007]: there is no model in this file"),
    "UTF-16": (gan().encode("utf-16"), "error[DG006]: the file is not UTF-8 text: byte 0xff at offset 0"),
    "UTF-16, big end": (
        b"\xfe\xff" + gan().encode("utf-16-be"),
        "error[DG006]: the file is not UTF-8 text: byte 0xfe at offset 0",
    ),
    "UTF-16 without a mark": (
        gan().encode("utf-16-le"),
        "error[DG006]: the file is not UTF-8 text: byte 0x00 at offset 1",
    ),
    "Latin-1": ("# é\n".encode("latin-1"), "error[DG006]: the file is not UTF-8 text: byte 0xe9 at offset 2"),
    "cut inside a character": ("# é".encode()[:-1], "error[DG006]: the file is not UTF-8 text: byte 0xc3 at offset 2"),
    "a surrogate": (b"# \xed\xa0\x80", "error[DG006]: the file is not UTF-8 text: byte 0xed at offset 2"),
    "NUL in a comment": (b"# \0\n", "error[DG006]: the file is not UTF-8 text: byte 0x00 at offset 2"),
    "a key twice": (
        gan_in_json(further='"latent": 5,').encode(),
        'error[DG011]: the key "latent" stands twice in this object',
    ),
    "a key twice, once with an escape": (
        gan_in_json(further=r'"l\u0061tent": 5,').encode(),
        r'error[DG011]: the key "l\u0061tent" stands twice in this object',
    ),
    "an unknown key": (
        gan_in_json(further='"width": 5,').encode(),
        'error[DG012]: expected lines, as in [["relu"]], or {"mirror": {...}}, found `5`',
    ),
    "an unknown key of a block": (
        gan_in_json(further='"blocks": {"a": {"bodi": []}},').encode(),
        'error[DG012]: expected "parameters" or "body", found `"bodi"`',
    ),
}


@pytest.mark.parametrize(("data", "expected"), ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
def test_odd_texts(data: bytes, expected: str) -> None:
    assert first_line(data) == expected


def test_utf_16_is_named() -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        (diagnostic,) = analysed(gan().encode(encoding)).diagnostics
        assert diagnostic.help == "it looks like UTF-16: save it as UTF-8"


PLAIN = gan()
SAME = {
    "byte order mark": b"\xef\xbb\xbf" + PLAIN.encode(),
    "CRLF": PLAIN.replace("\n", "\r\n").encode(),
    "lone CR": PLAIN.replace("\n", "\r").encode(),
    "mixed": PLAIN.replace("\n", "\r\n", 3).replace("}\n", "}\r").encode(),
    "no final line break": PLAIN.rstrip("\n").encode(),
    "semicolons": PLAIN.rstrip().replace("\n", ";").replace("{;", "{").replace(";;", ";").encode(),
    "tabs and form feeds": PLAIN.replace("\n", "\n\t\f").encode(),
}


@pytest.mark.parametrize("data", SAME.values(), ids=SAME.keys())
def test_line_ends_and_marks_make_no_difference(data: bytes) -> None:
    plain = analysed(PLAIN).model
    assert plain is not None and analysed(data).model == plain


def test_line_ends_and_marks_make_no_difference_in_json(tmp_path: Path) -> None:
    text = json.dumps(json.loads(gan_in_json()), indent=2)
    models = [analysed(data).model for data in (text, "\ufeff" + text, text.replace("\n", "\r\n").encode())]
    assert models[0] is not None and models[0] == models[1] == models[2]


CARETS = {
    "a tab": ("gan Net {\n\tlatent\t$\n}", ["2 |     latent    $", "  |               ^"]),
    "wide characters": ("gan Net {\n  latent '日本' + $\n}", ["2 |   latent '日本' + $", "  |                   ^"]),
    "a combining character": (
        "gan Net {\n  latent 'e\u0301' + $\n}",
        ["2 |   latent 'e\u0301' + $", "  |                ^"],
    ),
    "an escape": ("gan Net {\n  latent '\x1b' + $\n}", ["2 |   latent '\\x1b' + $", "  |                   ^"]),
    "lone CR": ("gan Net {\r  latent $\r}", ["2 |   latent $", "  |          ^"]),
    "the end": ("gan Net {", ["1 | gan Net {", "  |          ^"]),
}


@pytest.mark.parametrize(("text", "expected"), CARETS.values(), ids=CARETS.keys())
def test_the_caret_stands_under_what_is_wrong(text: str, expected: list[str]) -> None:
    compilation = analyse(Source("net.dgan", text))
    assert render_all(compilation.diagnostics).splitlines()[3:5] == expected
