"""`dcganc graph`: what the pictures show, where it stands, and that they are well formed whatever a model is called."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from dcgan_compiler.cli import main
from dcgan_compiler.compiler import analyse
from dcgan_compiler.ir import Model, Sequence
from dcgan_compiler.report.graph import format_of, graph
from dcgan_compiler.report.graph.composition import picture
from dcgan_compiler.report.graph.layout import Layout, lay_out
from dcgan_compiler.report.graph.picture import Chain, Chip, Fork
from dcgan_compiler.report.graph.sketch import ChipMark
from dcgan_compiler.source import Source

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").rglob("*.dgan"))
PICTURES = {"dcgan64.svg": "dcgan64.dgan", "sngan.svg": "gallery/sngan32.dgan"}
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text><script>&amp;]]>-->'\"\n\x00\ud800\u202e"
SAFE = "</text><script>&amp;]]>-->'\"\\n\\x00\\ud800\\u202e"


SMALL = """\
autoencoder Small {
    input (1, 8, 8)
    latent 3

    block Block() {
        residual { conv(in_channels, kernel_size=3, padding=1) -> relu }
    }

    encoder {
        conv(2, kernel_size=2, stride=2) -> relu
        repeat 3 { Block }
    }
}
"""
MERMAID = """\
%% Drawn by dcganc
flowchart LR
  subgraph s["Encoder: 223 parameters"]
    direction TB
    s0["input"]
    s1["block1<br/>conv(2, 2x2, /2)<br/>relu"]
    s2["block2 Block ×3"]
    s3["conv(2, 3x3)<br/>relu"]
    s4(("+"))
    s5["head<br/>flatten<br/>linear(3)"]
    s0 -->|"(1, 8, 8)"| s1
    s1 -->|"(2, 4, 4)"| s2
    s2 --> s3
    s3 --> s4
    s2 --> s4
    s4 -->|"(2, 4, 4)"| s5
  end
  subgraph d["Decoder: 251 parameters"]
    direction BT
    d0["z (3)"]
    d1["block1<br/>linear(32)<br/>unflatten(2x4x4)<br/><i>undoes head</i>"]
    d2["block2<br/>BlockTranspose ×2:<br/><i>undoes block2 Block ×3</i>"]
    d3["conv_transpose(2, 3x3)<br/>relu"]
    d4(("+"))
    d5["conv_transpose(2, 3x3)<br/>relu"]
    d6(("+"))
    d7["relu"]
    d8["head<br/>conv_transpose(1, 2x2, /2)<br/>sigmoid<br/><i>undoes block1</i>"]
    d9["output"]
    d0 -->|"(3)"| d1
    d1 -->|"(2, 4, 4)"| d2
    d2 --> d3
    d3 --> d4
    d2 --> d4
    d4 --> d5
    d5 --> d6
    d4 --> d6
    d6 --> d7
    d7 -->|"(2, 4, 4)"| d8
    d8 -->|"(1, 8, 8)"| d9
  end
  s -->|"z (3)"| d
"""
DOT = """\
// Drawn by dcganc
digraph "Small" {
  node [shape=box, style=rounded, fontname="monospace", fontsize=11];
  edge [fontname="monospace", fontsize=10];
  // Encoder: 223 parameters
  s0 [label="input"];
  s1 [label="block1\\nconv(2, 2x2, /2)\\nrelu"];
  s2 [label="block2 Block ×3"];
  s3 [label="conv(2, 3x3)\\nrelu"];
  s4 [label="+", shape=circle];
  s5 [label="head\\nflatten\\nlinear(3)"];
  s0 -> s1 [label="(1, 8, 8)"];
  s1 -> s2 [label="(2, 4, 4)"];
  s2 -> s3;
  s3 -> s4;
  s2 -> s4;
  s4 -> s5 [label="(2, 4, 4)"];
  // Decoder: 251 parameters
  d0 [label="z (3)"];
  d1 [label="block1\\nlinear(32)\\nunflatten(2x4x4)"];
  d2 [label="block2\\nBlockTranspose ×2:"];
  d3 [label="conv_transpose(2, 3x3)\\nrelu"];
  d4 [label="+", shape=circle];
  d5 [label="conv_transpose(2, 3x3)\\nrelu"];
  d6 [label="+", shape=circle];
  d7 [label="relu"];
  d8 [label="head\\nconv_transpose(1, 2x2, /2)\\nsigmoid"];
  d9 [label="output"];
  d1 -> d0 [dir=back, label="(3)"];
  d2 -> d1 [dir=back, label="(2, 4, 4)"];
  d3 -> d2 [dir=back];
  d4 -> d3 [dir=back];
  d4 -> d2 [dir=back];
  d5 -> d4 [dir=back];
  d6 -> d5 [dir=back];
  d6 -> d4 [dir=back];
  d7 -> d6 [dir=back];
  d8 -> d7 [dir=back, label="(2, 4, 4)"];
  d9 -> d8 [dir=back, label="(1, 8, 8)"];
  s5 -> d0 [constraint=false, label="(3)"];
  { rank=same; s1 -> d8 [dir=none, style=dotted, constraint=false]; }
  { rank=same; s2 -> d2 [dir=none, style=dotted, constraint=false]; }
  { rank=same; s5 -> d1 [dir=none, style=dotted, constraint=false]; }
}
"""


def analysed(text: str) -> Model:
    """The typed model of a description."""
    model = analyse(Source("net.dgan", text)).model
    assert model is not None
    return model


def read(path: Path) -> Model:
    """The typed model of a file."""
    return analysed(path.read_text())


def with_body(body: str, options: str = "") -> Model:
    """An autoencoder of (4, 16, 16)."""
    return analysed(
        f"autoencoder Net {{\ninput (4, 16, 16)\nencoder {{\n{body}\n}}\ndecoder mirror {{\n{options}\n}}\n}}"
    )


def texts(svg: str) -> list[str]:
    """All texts of a picture."""
    return ["".join(element.itertext()) for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def chips(chain: Chain) -> Iterator[str]:
    """The layers of a chain."""
    for item in chain:
        if isinstance(item, Chip):
            yield item.text
        else:
            for inner in item.branches if isinstance(item, Fork) else [item.chain]:
                yield from chips(inner)


def laid_out(model: Model) -> Layout:
    """The places of a picture."""
    return lay_out(picture(model))


each_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)


# SVG


@each_example
def test_every_line_is_in_the_picture(path: Path) -> None:
    model = read(path)
    svg = graph(model)
    shown = texts(svg)
    for half in (model.source, model.derived):
        assert f"{half.role.capitalize()}" in shown
        names = [line.name for line in half.body.items if isinstance(line, Sequence) and line.name]
        assert all(any(text.startswith(name) for text in shown) for name in names)
    assert svg == graph(read(path))


@each_example
def test_nothing_leaves_the_picture_or_overlaps(path: Path) -> None:
    layout = laid_out(read(path))
    for column in zip(*layout.rows, strict=True):
        boxes = [box for box in column if box]
        assert all(box.x > 0 and box.x + box.width < layout.width for box in boxes)
        assert all(upper.y + upper.height < lower.y for upper, lower in zip(boxes, boxes[1:], strict=False))
        assert boxes[-1].y + boxes[-1].height < layout.height
        for box in boxes:
            for chip in (mark for mark in box.marks if isinstance(mark, ChipMark)):
                assert box.x < chip.x and chip.x + chip.width < box.x + box.width
                assert box.y < chip.y and chip.y + chip.height < box.y + box.height


@each_example
def test_each_line_stands_beside_the_one_that_undoes_it(path: Path) -> None:
    model = read(path)
    for source, derived in laid_out(model).rows:
        if source and derived:
            assert source.middle == derived.middle
    mirrors = {
        line.name: line.mirrors for line in model.derived.body.items if isinstance(line, Sequence) and line.mirrors
    }
    beside = {row.derived.name: row.source.name for row in picture(model).rows if row.derived and row.source}
    assert mirrors == {name: beside[str(name)] for name in mirrors}


def test_hostile_names() -> None:
    svg = graph(replace(analysed(SMALL), name=HOSTILE))
    assert texts(svg)[0] == SAFE
    assert ElementTree.fromstring(svg).findtext(f"{SVG}title") == SAFE


def test_title_and_description_for_those_who_hear_the_picture() -> None:
    root = ElementTree.fromstring(graph(analysed(SMALL)))
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"] == "dcganc-title dcganc-description"
    assert root.findtext(f"{SVG}title") == "Small"
    assert root.findtext(f"{SVG}desc") == (
        "The autoencoder Small: the encoder from (1, 8, 8) to (3) and the decoder from (3) to (1, 8, 8). "
        "head undoes block1; block2 undoes block2; block1 undoes head."
    )


@pytest.mark.parametrize(("name", "example"), PICTURES.items())
def test_the_pictures_of_the_documentation_are_up_to_date(name: str, example: str) -> None:
    assert (ROOT / "docs" / "images" / name).read_text() == graph(read(ROOT / "examples" / example))


# What is shown


def test_iterations_are_one_frame() -> None:
    card = picture(analysed(SMALL)).rows[1].source
    assert card is not None
    assert (card.name, card.caption, list(chips(card.chain))) == ("block2", "Block ×3", ["conv(2, 3x3)", "relu"])


def test_iterations_that_differ_in_numbers_show_the_first_and_the_last() -> None:
    card = picture(with_body("repeat 3 { conv(8 * (index + 1), kernel_size=3) -> relu }")).rows[0].source
    assert card is not None
    assert (card.caption, list(chips(card.chain))) == ("×3", ["conv(8…24, 3x3)", "relu"])


def test_long_networks_are_shortened() -> None:
    model = with_body("\n".join(f"conv({8 + n}, kernel_size=3, padding=1) -> relu" for n in range(100)))
    rows = picture(model).rows
    assert len(rows) < 5
    assert sum(row.source.parameters for row in rows if row.source) == model.source.parameters
    assert sum(row.derived.parameters for row in rows if row.derived) == model.derived.parameters
    assert laid_out(model).height < 1000


def test_blocks_of_a_large_network_are_drawn_once() -> None:
    block = (
        "block Deep() { residual { repeat 9 { conv(4, kernel_size=3, padding=1) } -> relu -> conv(4, kernel_size=1) } }"
    )
    lines = "\n".join(["Deep -> conv(4, kernel_size=1)"] * 20)
    model = analysed(f"autoencoder Net {{\ninput (4, 8, 8)\n{block}\nencoder {{\n{lines}\n}}\n}}")
    first, second, *_ = [row.source for row in picture(model).rows]
    assert first is not None and second is not None
    assert list(chips(first.chain))[0] == "conv(4, 3x3)"
    assert list(chips(second.chain)) == ["Deep (4, 8, 8)", "conv(4, 1x1)"]


def test_skip_connections_lead_across() -> None:
    layout = laid_out(
        with_body("conv(8, kernel_size=3, padding=1)\nmax_pool(2) -> conv(8, kernel_size=1)", "skips concat")
    )
    (skip,) = layout.skips
    (x, y), (end_x, end_y) = skip.points
    assert skip.join == "concat" and y == end_y and x < layout.width / 2 < end_x


def test_written_halves_are_not_related() -> None:
    model = analysed(
        "autoencoder Net {\ninput (6)\nencoder { linear(2) }\ndecoder { linear(4) -> relu -> linear(6) }\n}"
    )
    assert laid_out(model).relations == ()
    assert "undone by" not in texts(graph(model))


# Text


@pytest.mark.parametrize("form", ["svg", "mermaid", "dot"])
def test_tied_weights_are_told(form: str) -> None:
    tied = SMALL.replace("    encoder {", "    decoder mirror { tied true }\n\n    encoder {")
    assert "parameters, weights tied" in graph(analysed(tied), form)
    assert "weights tied" not in graph(analysed(SMALL), form)


def test_mermaid() -> None:
    assert graph(analysed(SMALL), "mermaid") == MERMAID


def test_dot() -> None:
    assert graph(analysed(SMALL), "dot") == DOT


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz")
@pytest.mark.parametrize("name", ["Net", HOSTILE])
def test_graphviz_reads_it(name: str) -> None:
    text = graph(replace(analysed(SMALL), name=name), "dot")
    done = subprocess.run(["dot", "-Tcanon"], input=text, capture_output=True, text=True, check=True)
    assert done.stderr == ""


# The command


def test_the_extension_chooses_the_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.dgan").write_text(SMALL)
    run = CliRunner().invoke
    for file, form in (("a.svg", "svg"), ("a.mmd", "mermaid"), ("a.gv", "dot"), ("a", "svg")):
        for _ in range(2):
            assert run(main, ["graph", "net.dgan", "-o", file]).exit_code == 0
        assert Path(file).read_text() == graph(analysed(SMALL), form)
        assert (format_of(Path(file).suffix) or "svg") == form
    refused = run(main, ["graph", "net.dgan", "-o", "a.png"])
    assert refused.exit_code == 2 and not Path("a.png").exists()
    assert "'.png' is no format of pictures: use .svg, .mmd, .mermaid, .dot, .gv, or --format." in refused.stderr
    assert run(main, ["graph", "net.dgan", "-o", "a.txt", "--format", "dot"]).exit_code == 0
    assert run(main, ["graph", "net.dgan", "--format", "dot"]).stdout == graph(analysed(SMALL), "dot")


def test_a_picture_is_replaced_but_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.dgan").write_text(SMALL)
    Path("mine.svg").write_text("<svg/>")
    run = CliRunner().invoke
    assert run(main, ["graph", "net.dgan", "-o", "mine.svg"]).exit_code == 1
    assert Path("mine.svg").read_text() == "<svg/>"
    assert run(main, ["graph", "net.dgan", "-o", "net.dgan", "--format", "svg", "--force"]).exit_code == 1
    assert run(main, ["graph", "net.dgan", "-o", "mine.svg", "--force"]).exit_code == 0
    Path("net.dgan").write_text(SMALL.replace("latent 3", "latent 4"))
    assert run(main, ["graph", "net.dgan", "-o", "mine.svg"]).exit_code == 0
    assert "z (4)" in texts(Path("mine.svg").read_text())


@pytest.mark.parametrize("form", ["svg", "mermaid", "dot"])
def test_repeated_blocks_keep_their_skip_connections(form: str) -> None:
    """Three blocks that differ in the numbers of their skip connections only are not drawn as one."""
    text = "autoencoder A {\ninput (1, 16, 16)\nencoder { repeat 3 { conv(2, 3, padding=1) -> max_pool(2) } }\n"
    assert graph(analysed(text + "decoder mirror { skips concat }\n}"), form)
