"""The settings of training: defaults of every kind and loss, bounds of every row of the tables, both forms."""

import json
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st

from dcgan_compiler.compiler import Compilation, analyse
from dcgan_compiler.ir import Model
from dcgan_compiler.kinds import KINDS
from dcgan_compiler.resources import resource
from dcgan_compiler.source import Source
from dcgan_compiler.syntax import json_form
from dcgan_compiler.syntax.parse import parse
from dcgan_compiler.syntax.printer import print_model
from dcgan_compiler.training import LOSSES, OPTIMIZERS, SETTINGS, Setting

LARGEST = 2**31 - 1
# For every kind of check: values just inside, and values just outside or of another type
INSIDE: dict[str, list[Any]] = {
    "a whole number of at least 1": [1, 2, LARGEST],
    "a whole number of at least 0": [0, 1, LARGEST],
    "a number of at least 0": [0, 0.0, 1e-9, 3],
    "a number above 0": [1e-9, 1, 0.5],
    "a number of at least 0 and below 1": [0, 0.5, 0.9999],
    "two numbers of at least 0 and below 1, such as (0.5, 0.999)": [(0, 0), (0.5, 0.9999)],
    "true or false": [True, False],
}
OUTSIDE: dict[str, list[Any]] = {
    "a whole number of at least 1": [0, -1, 1.5, 1.0, LARGEST + 1, True],
    "a whole number of at least 0": [-1, 0.5, LARGEST + 1, True],
    "a number of at least 0": [-1e-9, -1, True, (1, 2)],
    "a number above 0": [0, 0.0, -1e-9, True],
    "a number of at least 0 and below 1": [1, 1.0, -1e-9, True],
    "two numbers of at least 0 and below 1, such as (0.5, 0.999)": [0.5, (0.5,), (0.5, 1), (-0.1, 0.5), (0, 0, 0)],
    "true or false": [0, 1, 0.5],
}
HALVES = {
    "gan": "discriminator {\nflatten -> linear(1)\n}",
    "vae": "encoder {\nflatten -> linear(8) -> relu\n}",
    "autoencoder": "encoder {\nflatten -> linear(8) -> relu\n}",
}
COMMON = {"batch_size": 64, "steps": 20_000, "sample_every": 500, "checkpoint_every": 1000, "seed": 0}
EACH_LOSS = [(kind, loss.name) for kind, losses in LOSSES.items() for loss in losses]


def written(value: Any) -> str:
    """A value in the text form."""
    if isinstance(value, tuple):
        return f"({', '.join(map(written, value))},)"
    return str(value).lower() if isinstance(value, bool) else str(value)


def text_of(kind: str, *options: str, more: str = "") -> str:
    train = ["train {", *options, "}"] if options else []
    lines = [f"{kind} Net {{", "input (1, 4, 4)", "latent 2", *train, HALVES[kind], more, "}"]
    return "\n".join(lines)


def analysed(text: str) -> Compilation:
    return analyse(Source("net.dgan", text))


def model_of(text: str) -> Model:
    compilation = analysed(text)
    assert compilation.model is not None, [diagnostic.message for diagnostic in compilation.diagnostics]
    return compilation.model


def codes(text: str) -> list[str]:
    return [diagnostic.kind.code for diagnostic in analysed(text).diagnostics]


# Defaults


@pytest.mark.parametrize(
    ("loss", "optimizer", "lr", "betas", "own", "steps"),
    [
        ("bce", "adam", 2e-4, (0.5, 0.999), {"label_smoothing": 0}, 1),
        ("lsgan", "adam", 2e-4, (0.5, 0.999), {}, 1),
        ("hinge", "adam", 2e-4, (0.5, 0.999), {}, 1),
        ("wgan", "rmsprop", 5e-5, None, {"clip": 0.01}, 5),
        ("wgan_gp", "adam", 1e-4, (0.0, 0.9), {"gradient_penalty": 10}, 5),
    ],
)
def test_defaults_of_a_gan(loss: str, optimizer: str, lr: float, betas: Any, own: dict[str, Any], steps: int) -> None:
    training = model_of(text_of("gan", f"loss {loss}")).training
    assert (training.loss, training.optimizer.name) == (loss, optimizer)
    assert (training.optimizer.arguments["lr"], training.optimizer.arguments.get("betas")) == (lr, betas)
    rest = {"r1": 0, "discriminator_steps": steps, "discriminator_lr": lr, "ema": 0.999}
    assert training.settings == COMMON | own | rest


def test_defaults_of_a_vae_and_an_autoencoder() -> None:
    vae, autoencoder = (model_of(text_of(kind)).training for kind in ("vae", "autoencoder"))
    assert (vae.loss, autoencoder.loss) == ("bce", "mse")
    assert vae.settings == COMMON | {"beta": 1, "kl_warmup": 0}
    assert autoencoder.settings == COMMON | {"noise": 0}
    assert vae.optimizer == autoencoder.optimizer
    assert vae.optimizer.arguments == {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0}


@pytest.mark.parametrize("kind", KINDS)
def test_no_statement_says_the_same_as_an_empty_one(kind: str) -> None:
    assert model_of(text_of(kind)).training == model_of(text_of(kind, "")).training


@pytest.mark.parametrize(
    ("decoder", "loss"),
    [
        ("", "bce"),
        ("decoder mirror { output hardsigmoid }", "bce"),
        ("decoder mirror { output tanh }", "mse"),
        ("decoder mirror { output identity }", "mse"),
        ("decoder {\nlinear(16) -> sigmoid -> unflatten((1, 4, 4))\n}", "bce"),
        ("decoder {\nlinear(36) -> unflatten((1, 6, 6))\nsigmoid -> crop(1)\n}", "bce"),
        ("decoder {\nlinear(16) -> unflatten((1, 4, 4))\nresidual { sigmoid }\n}", "mse"),
        ("decoder {\nlinear(16) -> unflatten((1, 4, 4))\ngate { sigmoid }\n}", "mse"),
        ("decoder {\nlinear(16) -> sigmoid\nlinear(16) -> unflatten((1, 4, 4))\n}", "mse"),
    ],
)
def test_bce_goes_with_an_output_between_0_and_1(decoder: str, loss: str) -> None:
    assert model_of(text_of("vae", more=decoder)).training.loss == loss
    assert codes(text_of("vae", "loss bce", more=decoder)) == ([] if loss == "bce" else ["DG208"])


# The optimizer


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_defaults_are_those_of_torch(name: str) -> None:
    known = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD", "rmsprop": "RMSprop"}
    optimizer = getattr(torch.optim, known[name])([torch.zeros(1, requires_grad=True)])
    assert {p.name: p.default for p in OPTIMIZERS[name].parameters}.items() <= optimizer.defaults.items()


@pytest.mark.parametrize(
    ("option", "arguments"),
    [
        ("adam", {"lr": 2e-4, "betas": (0.5, 0.999), "eps": 1e-8, "weight_decay": 0}),
        ("adam(lr=1e-3)", {"lr": 1e-3, "betas": (0.5, 0.999), "eps": 1e-8, "weight_decay": 0}),
        ("adam(1e-3, (0, 1 / 2))", {"lr": 1e-3, "betas": (0, 0.5), "eps": 1e-8, "weight_decay": 0}),
        ("adamw", {"lr": 2e-4, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01}),
        ("sgd(momentum=0.9)", {"lr": 2e-4, "momentum": 0.9, "nesterov": False, "weight_decay": 0}),
        ("rmsprop()", {"lr": 2e-4, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0, "momentum": 0}),
    ],
)
def test_arguments_that_are_not_given(option: str, arguments: dict[str, Any]) -> None:
    training = model_of(text_of("gan", f"optimizer {option}")).training
    assert training.optimizer.arguments == arguments
    assert training.settings["discriminator_lr"] == arguments["lr"]


@pytest.mark.parametrize(("name", "argument"), [(n, p.name) for n, o in OPTIMIZERS.items() for p in o.parameters])
def test_bounds_of_the_arguments(name: str, argument: str) -> None:
    check = next(p.check for p in OPTIMIZERS[name].parameters if p.name == argument)
    more = ", momentum=0.5" if argument == "nesterov" else ""
    for value in INSIDE[check.expected]:
        training = model_of(text_of("gan", f"optimizer {name}({argument}={written(value)}{more})")).training
        assert training.optimizer.arguments[argument] == value
    for value in OUTSIDE[check.expected]:
        assert codes(text_of("gan", f"optimizer {name}({argument}={written(value)}{more})")) == ["DG201"], value


def test_params_are_known() -> None:
    text = text_of("gan", "optimizer adam(lr=base * 2, betas=(base, max(base, 0.9)))", "steps 2 ** 4", "ema 1 - base")
    training = model_of(text.replace("latent", "param base = 0.25\nlatent")).training
    assert (training.optimizer.arguments["lr"], training.optimizer.arguments["betas"]) == (0.5, (0.25, 0.9))
    assert (training.settings["steps"], training.settings["ema"]) == (16, 0.75)


def test_a_param_that_only_the_training_needs_is_used() -> None:
    text = text_of("gan", "optimizer adam(lr=base)").replace("latent", "param base = 0.25\nlatent")
    assert codes(text) == []


# The settings

each_setting = pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)


def options(setting: Setting, value: Any) -> list[str]:
    loss = [f"loss {setting.loss}"] if setting.loss else []
    return [*loss, f"{setting.name} {written(value)}"]


@each_setting
def test_bounds_of_the_settings(setting: Setting) -> None:
    for kind in setting.kinds:
        for value in INSIDE[setting.check.expected]:
            assert model_of(text_of(kind, *options(setting, value))).training.settings[setting.name] == value
        for value in OUTSIDE[setting.check.expected]:
            assert codes(text_of(kind, *options(setting, value))) == ["DG201"], value


@each_setting
def test_a_setting_is_for_its_kinds_and_its_loss_only(setting: Setting) -> None:
    for kind, loss in EACH_LOSS:
        text = text_of(kind, f"loss {loss}", f"{setting.name} 1e-9")
        found = set(codes(text)) - {"DG208", "DG201"}
        if kind not in setting.kinds:
            assert found == {"DG114"}
        elif setting.loss not in (None, loss):
            assert found == {"DG116"}
        else:
            assert found == set()


@pytest.mark.parametrize(("kind", "loss"), EACH_LOSS)
def test_the_settings_of_a_loss_are_in_the_order_of_the_table(kind: str, loss: str) -> None:
    expected = [s.name for s in SETTINGS if kind in s.kinds and s.loss in (None, loss)]
    assert list(model_of(text_of(kind, f"loss {loss}")).training.settings) == expected


def test_a_number_keeps_the_type_of_its_setting() -> None:
    training = model_of(text_of("gan", "r1 10", "optimizer adam(lr=1)")).training
    assert type(training.settings["r1"]) is float and type(training.optimizer.arguments["lr"]) is float
    assert type(training.settings["steps"]) is int


# Both forms


@st.composite
def statements(draw: Any) -> str:
    """A description with a `train` statement that is right."""
    kind, loss = draw(st.sampled_from(EACH_LOSS))
    values = [f"loss {loss}"]
    if draw(st.booleans()):
        name = draw(st.sampled_from(sorted(OPTIMIZERS)))
        given = [p for p in OPTIMIZERS[name].parameters if p.name != "nesterov" and draw(st.booleans())]
        arguments = [f"{p.name}={written(draw(st.sampled_from(INSIDE[p.check.expected])))}" for p in given]
        values.append(f"optimizer {name}({', '.join(arguments)})")
    for setting in SETTINGS:
        if kind in setting.kinds and setting.loss in (None, loss) and draw(st.booleans()):
            values.append(f"{setting.name} {written(draw(st.sampled_from(INSIDE[setting.check.expected])))}")
    return text_of(kind, *draw(st.permutations(values)))


@settings(deadline=None)
@given(statements())
def test_both_forms_give_equal_models(text: str) -> None:
    tree = parse(Source("net.dgan", text))
    form = json_form.write(tree)
    model, again = model_of(text), model_of(form)
    assert model == again and list(model.training.settings) == list(again.training.settings)
    printed = print_model(parse(Source("net.json", form)))
    assert model_of(printed) == model and print_model(parse(Source("net.dgan", printed))) == printed


def test_the_form_of_an_optimizer_with_arguments() -> None:
    description = json.loads(json_form.write(parse(Source("net.dgan", text_of("gan", "loss hinge")))))
    for optimizer in ({"adam": {"lr": 0.001}}, {"adam": [0.001]}, "adam(lr=0.001)", "adam(0.001)"):
        description["train"] = {"loss": "hinge", "optimizer": optimizer}
        assert model_of(json.dumps(description)).training.optimizer.arguments["lr"] == 0.001


@pytest.mark.parametrize("value", [{}, {"adam": {}, "sgd": {}}, {"adam": 3}, {"": []}, {"true": []}, None])
def test_what_is_no_optimizer_in_json(value: Any) -> None:
    description = json.loads(json_form.write(parse(Source("net.dgan", text_of("gan", "loss hinge")))))
    description["train"]["optimizer"] = value
    assert codes(json.dumps(description)) == ["DG012"]


def test_the_schema_knows_the_tables() -> None:
    known = json.loads(resource("grammar", "dgan.schema.json"))["$defs"]["train_set"]["properties"]
    losses = dict.fromkeys(loss for _, loss in EACH_LOSS)
    assert list(known) == ["loss", "optimizer", *(setting.name for setting in SETTINGS)]
    assert known["loss"]["anyOf"][0]["enum"] == list(losses)
    assert known["optimizer"]["anyOf"][0]["enum"] == list(OPTIMIZERS)
    assert [known[setting.name]["description"] for setting in SETTINGS] == [setting.help for setting in SETTINGS]
