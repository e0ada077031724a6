"""The JSON form: lossless both ways, and as its schema says."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from dcgan_compiler.resources import resource
from dcgan_compiler.source import Source
from dcgan_compiler.syntax import json_form, tree
from dcgan_compiler.syntax.parse import parse
from dcgan_compiler.syntax.printer import print_model
from tests.syntax.trees import models

SCHEMA = Draft202012Validator(json.loads(resource("grammar", "dgan.schema.json")))


def from_text(text: str) -> tree.Model:
    return parse(Source("net.dgan", dedent(text)))


def from_json(text: str) -> tree.Model:
    return parse(Source("net.json", text))


@settings(deadline=None)
@given(models)
def test_json_gives_the_tree_back(model: tree.Model) -> None:
    text = json_form.write(model)
    SCHEMA.validate(json.loads(text))
    again = from_json(text)
    assert again == model
    assert json_form.write(again) == text


@settings(deadline=None)
@given(models)
def test_a_tree_from_json_prints_like_any_other(model: tree.Model) -> None:
    text = print_model(from_json(json_form.write(model)))
    assert from_text(text) == model
    assert print_model(from_text(text)) == text


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA.schema)


EVERYTHING = """\
    gan Net {
        param width = 64
        param rate = -2e-4
        input (3, width, 64)
        latent 100
        init dcgan
        default conv(stride=2, padding="same")
        default relu(inplace=true)
        block up(n, k=3) {
            conv(n, "n", "other", kernel_size=k)
        }
        discriminator {
            stem: conv(width * 2) -> relu
            residual { conv(1.0, other) } skip {}
            sum { branch { repeat 3 { gate { relu } } } branch {} }
        }
        generator mirror {
            norm batch_norm
            at stem { norm "none" }
            at head { kernel (4, 4) }
            output leaky_relu(0.2)
        }
        train {
            loss hinge
            optimizer adam(lr=rate, betas=(0.5, 0.9))
        }
    }"""


def test_the_form_of_everything() -> None:
    model = from_text(EVERYTHING)
    text = json_form.write(model)
    SCHEMA.validate(json.loads(text))
    assert from_json(text) == model
    assert text == dedent("""\
        {
          "gan": "Net",
          "params": {"width": 64, "rate": -0.0002},
          "input": [3, "width", 64],
          "latent": 100,
          "init": "dcgan",
          "default": [{"conv": {"stride": 2, "padding": "same"}}, {"relu": {"inplace": true}}],
          "blocks": {
            "up": {
              "parameters": ["n", {"k": 3}],
              "body": [[{"conv": ["n", "'n'", "other", {"kernel_size": "k"}]}]]
            }
          },
          "discriminator": [
            {"label": "stem", "chain": [{"conv": ["width * 2"]}, "relu"]},
            [{"residual": [[{"conv": [1.0, "(other)"]}]], "skip": []}],
            [{"sum": [[[{"repeat": 3, "body": [[{"gate": [["relu"]]}]]}]], []]}]
          ],
          "generator": {
            "mirror": {
              "norm": "batch_norm",
              "at": {"stem": {"norm": "'none'"}, "head": {"kernel": [4, 4]}},
              "output": {"leaky_relu": [0.2]}
            }
          },
          "train": {"loss": "hinge", "optimizer": {"adam": {"lr": "rate", "betas": [0.5, 0.9]}}}
        }
    """)


def test_order_that_one_object_can_not_keep_makes_an_array() -> None:
    model = from_text("gan Net { param a = 1; latent a; param b = 2; param b = 3 }")
    text = json_form.write(model)
    assert json.loads(text) == [
        {"gan": "Net", "params": {"a": 1}, "latent": "a"},
        {"params": {"b": 2}},
        {"params": {"b": 3}},
    ]
    assert from_json(text) == model


def test_words_are_texts_only_among_arguments_and_out_of_scope() -> None:
    model = from_json('{"gan": "Net", "init": "dcgan", "params": {"a": 1}, "d": [[{"f": ["a", "b", ["a", "b"]]}]]}')
    assert model == from_text('gan Net { init dcgan; param a = 1; d { f(a, "b", (a, "b")) } }')


def test_a_schema_reference_is_passed_over() -> None:
    text = '{"$schema": "dgan.schema.json", "gan": "Net", "latent": 1}'
    SCHEMA.validate(json.loads(text))
    assert from_json(text) == from_text("gan Net { latent 1 }")


def test_spans_point_into_the_json_text() -> None:
    text = '{"gan": "Net", "latent": "\\u0061 + (b *\\t-c)", "d": [["relu"]]}'
    setting, section = from_json(text).statements
    assert isinstance(setting, tree.Setting) and isinstance(section, tree.Section)
    assert isinstance(setting.value, tree.Binary)
    assert setting.value.left.span.text == "\\u0061"
    assert setting.value.right.span.text in ("b *\\t-c", "(b *\\t-c)")
    assert section.name_span.text == '"d"' and section.body.lines[0].span.text == '["relu"]'


@pytest.mark.parametrize(
    "text",
    [
        '{"latent": 100}',
        '{"gan": "Net", "generator": {"mirror": 3}}',
        '{"gan": "Net", "discriminator": [["relu", {"residual": [], "skp": []}]]}',
        '{"gan": "Net", "discriminator": [[{"conv": 3}]]}',
        '{"gan": "Net", "params": {"2x": 1}}',
        '[{"gan": "Net"}, {"vae": "Net"}, 3]',
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(text: str) -> None:
    assert not SCHEMA.is_valid(json.loads(text))


def test_an_option_is_a_layer_as_in_a_line() -> None:
    text = '{"gan": "Net", "generator": {"mirror": {"norm": {"group_norm": [8]}}}}'
    SCHEMA.validate(json.loads(text))
    assert from_json(text) == from_text("gan Net { generator mirror { norm group_norm(8) } }")
