"""Conditional models: every method, for every kind and rank, is right on torch; what can not be is explained."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import black
import pytest
import torch
from generated import compiled, halves, label, run
from interpreter import check_on_torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from dcgan_compiler.compiler import analyse, compile_file, compile_text, parse
from dcgan_compiler.ir import Model, layers, takes_label
from dcgan_compiler.kinds import CONDITIONS, KINDS
from dcgan_compiler.report.explain import explain
from dcgan_compiler.report.graph.composition import picture
from dcgan_compiler.report.summary import summarise
from dcgan_compiler.report.table import draw
from dcgan_compiler.source import Source
from dcgan_compiler.syntax import json_form
from dcgan_compiler.verify import FAILED, verify

EXAMPLES = Path(__file__).parents[1] / "examples"
INPUTS = {0: "12", 1: "(2, 16)", 2: "(2, 16, 12)", 3: "(2, 8, 8, 6)"}
CASES = [(kind.name, method) for kind in KINDS.values() for method in kind.conditions]
BLOCK = "block Wide(c) { residual { conv(c, kernel_size=3, padding=1) -> batch_norm -> relu } }"


def description(kind: str, method: str, rank: int, *, classes: int = 3) -> str:
    """A small conditional model of a rank, with a block and a head."""
    if rank:
        body = """
            conv(6, kernel_size=4, stride=2, padding=1) -> leaky_relu(0.2)
            Wide(6)
            conv(8, kernel_size=4, stride=2, padding=1) -> batch_norm -> leaky_relu(0.2)"""
        head = "flatten -> linear(1)"
    else:
        body, head = "linear(10) -> leaky_relu(0.2); linear(8) -> batch_norm -> leaky_relu(0.2)", "linear(1)"
    return f"""{kind} Small {{
        input {INPUTS[rank]}
        latent 5
        classes {classes}
        condition {method}
        {BLOCK if rank else ""}
        {KINDS[kind].source} {{ {body}
            {head if kind == "gan" else ""}
        }}
        }}"""


each_case = pytest.mark.parametrize(("kind", "method"), CASES, ids=lambda value: value)
each_rank = pytest.mark.parametrize("rank", INPUTS)


def outputs(half: nn.Module, model: Model, batch: Tensor, classes: Tensor) -> list[Tensor]:
    """What a half makes of a batch of given classes."""
    result = half(batch, *([classes] if label(half, model, batch) else []))
    return list(result) if isinstance(result, tuple) else [result]


# The contract


JOINS = {
    "an operator, then a sum": "conv(4, kernel_size=1) -> residual { told }",
    "a sum with a norm": "sum { branch { told } branch { relu } } -> batch_norm -> relu",
    "a residual that ends a branch": "residual { conv(4, kernel_size=1) -> residual { told } } -> relu",
    "a residual that opens a branch": "residual { residual { told } -> relu -> conv(4, kernel_size=1) } -> relu",
    "nothing but a sum in a branch": "residual { residual { told } -> batch_norm } -> relu",
}


@pytest.mark.parametrize("joined", JOINS.values(), ids=JOINS)
def test_a_join_with_conditional_norms_hands_the_label_on(joined: str) -> None:
    body = joined.replace("told", "conv(4, kernel_size=3, padding=1) -> batch_norm")
    model, made = compiled(
        f"gan Net {{ input (3, 8, 8); latent 5; classes 3; condition projection\n"
        f"discriminator {{ conv(4, kernel_size=1); {body}; flatten -> linear(1) }} }}"
    )
    run(model, *halves(model, made), torch.rand(4, *model.input_shape))


@each_case
@each_rank
def test_shapes_counts_and_gradients(kind: str, method: str, rank: int) -> None:
    model, made = compiled(description(kind, method, rank))
    torch.manual_seed(0)
    source, derived = halves(model, made)
    for network, half in ((model.source, source), (model.derived, derived)):
        assert sum(parameter.numel() for parameter in half.parameters()) == network.parameters
    encoded, drawn = run(model, source, derived, torch.rand(4, *model.input_shape))
    assert encoded.shape[1:] == model.source.out_shape
    assert drawn.shape[1:] == model.input_shape
    noise = torch.randn(4, *model.derived.in_shape)
    classes = torch.arange(4) % 3
    results = [
        *outputs(source, model, torch.randn(4, *model.input_shape), classes),
        *outputs(derived, model, noise, classes),
    ]
    torch.autograd.backward(results, [torch.randn_like(one) for one in results])
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for half in (source, derived) for p in half.parameters())


@each_case
@each_rank
def test_multiply_adds_are_those_of_torch(kind: str, method: str, rank: int) -> None:
    """Torch counts no sum of products, which is what a projection head does with the embedding of the class."""
    model, made = compiled(description(kind, method, rank))
    for network, half in zip((model.source, model.derived), halves(model, made), strict=True):
        with FlopCounterMode(display=False) as counter:
            outputs(half, model, torch.randn(4, *network.in_shape), torch.arange(4) % 3)
        products = sum(layer.in_shape[0] for layer in network.layers if layer.name == "projection_head")
        assert counter.get_total_flops() == 2 * 4 * (network.multiply_adds - products)


@each_case
@each_rank
def test_the_tree_says_what_torch_does(kind: str, method: str, rank: int) -> None:
    check_on_torch(model_of(description(kind, method, rank)))


@each_case
@each_rank
def test_each_class_gives_another_output(kind: str, method: str, rank: int) -> None:
    """Where both halves are told the class. At first the gains and biases of all classes are equal."""
    model, made = compiled(description(kind, method, rank))
    torch.manual_seed(0)
    for network, half in zip((model.source, model.derived), halves(model, made), strict=True):
        if not takes_label(network.body):
            assert (method, network.role) == ("auxiliary", "discriminator")
            continue
        for parameter in half.parameters():
            nn.init.normal_(parameter, std=0.5)
        sample = torch.randn(1, *network.in_shape).expand(3, *network.in_shape)
        for result in outputs(half.eval(), model, sample, torch.arange(3)):
            assert all(not torch.allclose(result[a], result[b]) for a, b in ((0, 1), (0, 2), (1, 2)))


@each_case
def test_verify_finds_nothing(kind: str, method: str) -> None:
    compilation = compile_text(description(kind, method, 2))
    assert compilation.model is not None and compilation.code is not None
    results = {check.name: check.run() for check in verify(compilation.model, compilation.code)}
    assert not {name: result for name, result in results.items() if result.status == FAILED}
    assert len(results) > 10


def test_the_code_is_clean(tmp_path: Path) -> None:
    files = []
    for kind, method in CASES:
        for rank in INPUTS:
            code = compile_text(description(kind, method, rank)).code
            assert code is not None and black.format_str(code, mode=black.Mode()) == code
            files.append(tmp_path / f"{kind}_{method}_{rank}.py")
            files[-1].write_text(code, encoding="utf-8")
    rules = "E4,E7,E9,F,I,UP,D100,D101,D103"
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--target-version", "py311", "--select", rules]
    linted = subprocess.run([*ruff, *files], capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--scripts-are-modules"]
    typed = subprocess.run([*mypy, *files], capture_output=True, text=True)
    assert typed.returncode == 0, typed.stdout


@each_case
def test_json_says_the_same_as_text(kind: str, method: str) -> None:
    text = description(kind, method, 2)
    written = json_form.write(parse(text))
    assert compile_text(written).code == compile_text(text).code


def test_the_vae_is_told_the_class_in_all_its_methods() -> None:
    model, made = compiled(description("vae", "concat", 2))
    vae, classes = made.VAE(), torch.arange(2)
    images = torch.rand(2, *model.input_shape)
    mean, log_variance = vae.encode(images, classes)
    assert mean.shape == log_variance.shape == (2, 5)
    assert vae.decode(mean, classes).shape == images.shape
    assert vae(images, classes)[0].shape == images.shape


def test_an_auxiliary_discriminator_gives_a_score_and_class_logits() -> None:
    _, made = compiled(description("gan", "auxiliary", 2, classes=7))
    score, class_logits = made.Discriminator()(torch.rand(2, *made.IMAGE_SHAPE))
    assert (score.shape, class_logits.shape) == ((2, 1), (2, 7))
    assert (made.NUM_CLASSES, made.LATENT_DIM) == (7, 5)


# What the class is beside


def model_of(text: str) -> Model:
    model = analyse(Source("net.dgan", text)).model
    assert model is not None
    return model


def gan(discriminator: str, statements: str = "classes 10", generator: str = "") -> str:
    """A gan of 8x8 images."""
    return (
        f"gan Net {{\ninput (3, 8, 8)\nlatent 6\n{statements}\ndiscriminator {{\n{discriminator}\n}}\n{generator}\n}}"
    )


HEAD = "conv(8, kernel_size=4, stride=2, padding=1) -> leaky_relu(0.2)\nconv(1, kernel_size=4)"


def test_classes_alone_are_concatenated() -> None:
    assert model_of(gan(HEAD)) == model_of(gan(HEAD, "classes 10\ncondition concat"))


@pytest.mark.parametrize(("classes", "width"), [(10, 10), (128, 128), (1000, 128)])
def test_an_embedding_has_at_most_128_values(classes: int, width: int) -> None:
    model = model_of(gan(HEAD, f"classes {classes}\ncondition embedding"))
    for half in (model.source, model.derived):
        joined = half.body.items[0]
        assert joined.out_shape[0] == joined.in_shape[0] + width
        assert next(layers(joined)).parameters == classes * width


def test_the_mirror_is_that_of_a_longer_latent() -> None:
    """Behind the line that appends the class stands what stands there without classes."""
    conditional, longer = model_of(gan(HEAD)), model_of(gan(HEAD, "").replace("latent 6", "latent 16"))
    assert conditional.derived.body.items[1:] == longer.derived.body.items


def test_the_numbers_of_the_lines_do_not_depend_on_the_condition() -> None:
    names = [[line.name for line in model_of(gan(HEAD, s)).source.body.items] for s in ("", "classes 10")]
    assert names[1] == ["condition", *names[0]]
    labelled = model_of(gan(HEAD.replace("conv(8", "condition: conv(8")))
    assert [line.name for line in labelled.source.body.items][:2] == ["condition_2", "condition"]


def test_a_patch_discriminator_takes_the_class_beside_its_channels() -> None:
    model, made = compiled(gan("conv(8, kernel_size=4, stride=2, padding=1) -> relu\nconv(1, kernel_size=3)"))
    scores, _ = run(model, *halves(model, made), torch.rand(2, 3, 8, 8))
    assert scores.shape == (2, 1, 2, 2)


def test_a_written_generator_takes_the_class_beside_the_latent() -> None:
    generator = "generator {\nlinear(3 * 64 + in_channels - 16) -> unflatten((3, 8, 8)) -> tanh\n}"
    model = model_of(gan(HEAD, "classes 10", generator))
    assert model.derived.in_shape == (6,)
    assert model.derived.body.items[0].out_shape == (16,)


# The head


def same_function(made: ModuleType, text: str) -> None:
    """A projection head with an embedding of zeros scores as the head that it replaces."""
    _, plain = compiled(text)
    torch.manual_seed(0)
    conditional, reference = made.Discriminator().eval(), plain.Discriminator().eval()
    head, original = conditional.head, reference.head
    conditional.block1.load_state_dict(reference.block1.state_dict())
    nn.init.zeros_(head.embedding.weight)
    with torch.no_grad():
        head.linear.weight.copy_(original.weight.reshape(1, -1))
        head.linear.bias.copy_(original.bias)
    images = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(conditional(images, torch.arange(2)), reference(images))


def test_a_projection_scores_as_the_head_that_it_replaces() -> None:
    _, made = compiled(gan(HEAD, "classes 10\ncondition projection"))
    same_function(made, gan(HEAD, ""))


def test_a_projection_has_the_parametrization_of_the_head() -> None:
    for name in ("spectral_norm", "weight_norm"):
        head = f"conv(8, kernel_size=4, stride=2, padding=1) -> relu\nflatten -> linear(1, {name}=true, bias=false)"
        model, made = compiled(gan(head, "classes 10\ncondition projection"))
        source, _ = halves(model, made)
        assert sum(parameter.numel() for parameter in source.parameters()) == model.source.parameters
        assert "bias" not in dict(source.head.linear.named_parameters())


def test_every_batch_norm_of_the_generator_is_of_the_class() -> None:
    gated = "conv(8, kernel_size=3, padding=1) -> gate { conv(8, kernel_size=1) -> batch_norm -> sigmoid } -> relu"
    model, made = compiled(gan(f"{gated}\n{HEAD}", "classes 4\ncondition projection"))
    names = [layer.name for layer in model.derived.layers]
    assert names.count("conditional_batch_norm") == 3 and "batch_norm" not in names
    _, generator = halves(model, made)
    generator(torch.randn(2, 6), torch.arange(2)).sum().backward()
    assert all(parameter.grad is not None for parameter in generator.parameters())


def test_a_head_alone_is_two_heads() -> None:
    """A discriminator of one layer has nothing but the heads, a block that held the head goes."""
    model, made = compiled(gan("flatten -> linear(1)", "classes 4\ncondition auxiliary"))
    score, class_logits = made.Discriminator()(torch.rand(2, 3, 8, 8))
    assert (score.shape, class_logits.shape) == ((2, 1), (2, 4))
    text = gan(
        f"{HEAD.splitlines()[0]}\nLast()", "classes 4\ncondition auxiliary\nblock Last() { conv(1, kernel_size=4) }"
    )
    model, made = compiled(text)
    assert [line.name for line in model.source.body.items] == ["block1", None]
    assert made.Discriminator()(torch.rand(2, 3, 8, 8))[1].shape == (2, 4)


@pytest.mark.parametrize("method", CONDITIONS)
def test_an_example_of_each_method(method: str) -> None:
    shown = [path for path in EXAMPLES.rglob("*.dgan") if f"condition {method}\n" in path.read_text("utf-8")]
    models = [model for path in shown if (model := compile_file(path).model)]
    assert any(model.condition and model.condition.method == method for model in models)


def test_a_conditional_gan_trains() -> None:
    """A few steps with the losses of an auxiliary classifier: everything stays finite, every parameter moves."""
    _, made = compiled(description("gan", "auxiliary", 2))
    torch.manual_seed(0)
    generator, discriminator = made.Generator(), made.Discriminator()
    parameters = [*generator.parameters(), *discriminator.parameters()]
    before = [parameter.detach().clone() for parameter in parameters]
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    classes = torch.arange(6) % made.NUM_CLASSES
    for _ in range(3):
        optimizer.zero_grad()
        score, class_logits = discriminator(generator(torch.randn(6, made.LATENT_DIM), classes))
        loss = nn.functional.softplus(-score).mean() + nn.functional.cross_entropy(class_logits, classes)
        loss.backward()
        optimizer.step()
        assert torch.isfinite(loss)
    assert all(not torch.equal(old, new) for old, new in zip(before, parameters, strict=True))


# Reports


def test_show_names_the_condition_and_the_layers_that_are_told() -> None:
    summary = summarise(model_of(gan(HEAD, "classes 10\ncondition projection")))
    assert draw(summary, width=200).startswith("gan Net: input (3, 8, 8), latent 6, 10 classes (projection)\n")
    assert summary.halves[0].blocks[-1].layers == ("flatten", "projection_head(10 classes)")
    assert summary.to_dict()["condition"] == {"method": "projection", "classes": 10}
    assert summarise(model_of(gan(HEAD, ""))).to_dict()["condition"] is None


@pytest.mark.parametrize("method", CONDITIONS)
def test_explain_tells_the_condition_and_then_the_mirror(method: str) -> None:
    """The mirror is that of the model without classes, whose latent has the values of the class, too."""
    text = explain(model_of(gan(HEAD, f"classes 10\ncondition {method}")))
    latent = "latent 6" if method == "projection" else "latent 16"
    plain = explain(model_of(gan(HEAD, "\n").replace("latent 6", latent)))
    assert f"\nCondition {method}, 10 classes: " in text
    mirrors = [one[one.index("Operators are") : one.index("parameters   ")] for one in (text, plain)]
    assert mirrors[0] == mirrors[1]


def test_a_picture_shows_the_heads_beside_their_mirror() -> None:
    rows = picture(model_of(gan(HEAD, "classes 10\ncondition auxiliary"))).rows
    beside = {row.source.name: row.derived.name for row in rows if row.source and row.derived}
    assert beside["heads"] == "block1"


# Blocks that repeat


def test_repeated_blocks_are_a_list_that_forward_walks() -> None:
    """An `nn.Sequential` would not hand the label on."""
    block = "block Same() { residual { batch_norm -> relu -> conv(in_channels, kernel_size=3, padding=1) } }"
    text = gan(f"conv(8, kernel_size=1)\nrepeat 3 {{ Same }}\n{HEAD}", f"classes 4\ncondition projection\n{block}")
    compilation = compile_text(text)
    assert compilation.model is not None and compilation.code is not None
    assert "self.blocks = nn.ModuleList(SameTranspose(channels) for _ in range(3))" in compilation.code
    assert "        for block in self.blocks:\n            x = block(x, label)\n" in compilation.code
    assert not [check.name for check in verify(compilation.model, compilation.code) if check.run().status == FAILED]
