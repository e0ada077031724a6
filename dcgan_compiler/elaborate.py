"""The syntax tree to the typed model: statements, the described half, and the half that mirrors it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from dcgan_compiler import problems
from dcgan_compiler.bodies import Bodies, TooManySteps
from dcgan_compiler.conditioning import beside_latent, told_derived, told_source
from dcgan_compiler.declarations import Declarations, Half, Overrides
from dcgan_compiler.diagnostics import Diagnostic, Problem, closest
from dcgan_compiler.ir import Model, Network, Sequence, Shape, describe
from dcgan_compiler.kinds import KINDS, Condition, Kind
from dcgan_compiler.layers import place
from dcgan_compiler.layers.definition import Draft
from dcgan_compiler.mirror import mirror
from dcgan_compiler.naming import named
from dcgan_compiler.policy import NONE, Policy, read_policy
from dcgan_compiler.rewrite import placed_nodes, tapped, to_latent, with_line
from dcgan_compiler.syntax import tree
from dcgan_compiler.tying import check_tied

_HEADS = ("mean", "log_variance")


def elaborate(
    model: tree.Model, overrides: Overrides | None = None, input_shape: Shape | None = None
) -> tuple[Model | None, list[Diagnostic]]:
    """The typed model of a description, and every problem that was found; the model is None if there is an error.

    `overrides` replace the values of params, `input_shape` (without the batch) that of the `input` statement.
    """
    kind = KINDS.get(model.kind)
    if kind is None:
        return None, [problems.UNKNOWN_KIND.at(model.kind_span, name=model.kind, near=closest(model.kind, KINDS))]
    bodies = Bodies()
    declared = Declarations(model, kind, overrides or {}, input_shape, bodies.diagnostics)
    declared.read()
    try:
        result = _Halves(declared, bodies).model()
    except TooManySteps as stop:
        declared.training(None)
        return None, [*bodies.diagnostics, stop.diagnostic]
    failed = any(diagnostic.is_error for diagnostic in bodies.diagnostics)
    return (None if failed else result), bodies.diagnostics


@dataclass
class _Halves:
    """Builds the two halves of one model from its declarations."""

    declared: Declarations
    bodies: Bodies

    @property
    def kind(self) -> Kind:
        """The kind of the model."""
        return self.declared.kind

    def model(self) -> Model | None:
        """The typed model, or None where its parts could not be had."""
        declared = self.declared
        shape, latent, init = declared.input(), declared.latent(), declared.init()
        condition = declared.condition()
        source = self._described(shape, latent)
        policy = self._policy()
        if source and policy and policy.skips != NONE:
            source = replace(source, body=named(tapped(source.body), has_head=latent is not None))
        features = None if latent is None else latent + beside_latent(condition)
        derived = self._written(source, features) if policy is None else self._mirrored(source, policy, features)
        training = declared.training(derived)
        if source is None or derived is None or shape is None:
            return None
        syntax = declared.model
        names = self.kind.name, syntax.name, syntax.span.source.name
        model = Model(*names, shape, features, init, source, derived, policy, training)
        return model if condition is None else self._conditioned(replace(model, latent=latent), model, condition)

    def _conditioned(self, model: Model, unconditioned: Model, condition: Condition) -> Model:
        """The model with both halves told the class; with one as it is where that can not be, which is reported."""
        span = self.declared.condition_span
        model = replace(model, condition=condition, unconditioned=unconditioned)
        try:
            model = replace(model, source=told_source(model.source, condition, span))
        except Problem as problem:
            self.declared.diagnostics.append(problem.diagnostic)
        try:
            return replace(model, derived=told_derived(model.derived, model.source, condition, span))
        except Problem as problem:
            self.declared.diagnostics.append(problem.diagnostic)
            return model

    def _described(self, shape: Shape | None, latent: int | None) -> Network | None:
        """The half that is written out, completed by what its kind adds."""
        half, scope = self.declared.halves.get(self.kind.source, (None, None))
        if not isinstance(half, tree.Section) or scope is None:
            if half is None:
                self.declared.missing(f"the section `{self.kind.source}`", f"{self.kind.source} {{ ... }}")
            return None
        body = self.bodies.body(half.body, shape, scope)
        if body is None:
            return None
        if not any(placed.is_operator for placed in placed_nodes(body)):
            hint = "an operator is what the mirror undoes: `conv`, `linear`, a pool, ..."
            self.declared.report(problems.NO_OPERATOR, half.name_span, section=half.name, hint=hint)
            return None
        try:
            return self._completed(half.name, body, latent)
        except Problem as problem:
            self.declared.diagnostics.append(problem.diagnostic)
            return None

    def _completed(self, role: str, body: Sequence, latent: int | None) -> Network:
        """A half with what its kind adds: scores as features, or a way to the latent: a linear layer, or two heads."""
        if self.kind.name == "gan":
            scores = body if prod(body.out_shape[1:]) > 1 else with_line(body, Draft("flatten", {}))
            return Network(role, named(scores, has_head=True))
        if latent is None:
            return Network(role, named(body, has_head=False))
        if self.kind.name == "autoencoder":
            return Network(role, named(with_line(body, Draft("flatten", {}), to_latent(latent)), has_head=True))
        for line in body.items:
            if isinstance(line, Sequence) and line.name in _HEADS:
                reason = "the encoder of a vae has a head of that name"
                self.declared.report(
                    problems.RESERVED_NAME, line.span, name=line.name, what="a line", reason=reason, hint=None
                )
        trunk = with_line(body, Draft("flatten", {}))
        head = place(to_latent(latent), trunk.out_shape, body.span)[0]
        return Network(role, named(trunk, has_head=False), tuple((name, head) for name in _HEADS))

    def _policy(self) -> Policy | None:
        """How the derived half is mirrored; None where it is written out."""
        half, _ = self.declared.halves.get(self.kind.derived, (None, None))
        if isinstance(half, tree.Section):
            return None
        labels = _labels(self.declared.halves.get(self.kind.source, (None,))[0])
        options = half.options if isinstance(half, tree.Mirror) else None
        policy, wrong = read_policy(options, self.kind.name, self.kind.source, labels, self.declared.params)
        self.declared.diagnostics.extend(wrong)
        return policy

    def _mirrored(self, source: Network | None, policy: Policy, latent: int | None) -> Network | None:
        if source is None or (self.kind.needs_latent and latent is None):
            return None
        body = source.body
        if source.heads:
            head = Sequence.build([source.heads[0][1]], body.out_shape, body.span)
            body = replace(body, items=(*body.items, head), out_shape=source.out_shape)
        try:
            derived = Network(self.kind.derived, named(mirror(body, policy, latent), has_head=True))
            if policy.tied and source is not None:
                check_tied(source, derived)
            return derived
        except Problem as problem:
            self.declared.diagnostics.append(problem.diagnostic)
            return None

    def _written(self, source: Network | None, latent: int | None) -> Network | None:
        """A generator or decoder that is written out; it must end at the shape that the other half takes."""
        half, scope = self.declared.halves[self.kind.derived]
        assert isinstance(half, tree.Section)
        code = (latent,) if latent is not None else source.out_shape if source else None
        body = self.bodies.body(half.body, code, scope)
        if body is None or source is None:
            return None
        if body.out_shape != source.in_shape:
            last = half.body.lines[-1].span if half.body.lines else half.name_span
            self.declared.report(
                problems.HALVES_DISAGREE,
                last,
                half=half.name,
                other=source.role,
                found=describe(body.out_shape),
                expected=describe(source.in_shape),
                hint=None,
            )
            return None
        return Network(half.name, named(body, has_head=True))


def _labels(half: Half | None) -> list[str]:
    """The labels of the lines of a section, those of its branches too."""
    return _body_labels(half.body) if isinstance(half, tree.Section) else []


def _body_labels(body: tree.Body) -> list[str]:
    found: list[str] = []
    for line in body.lines:
        found += [line.label] if line.label else []
        for link in line.chain:
            for inner in _inner_bodies(link):
                found += _body_labels(inner)
    return found


def _inner_bodies(link: tree.Link) -> list[tree.Body]:
    match link:
        case tree.Residual():
            return [link.body, *([link.skip] if link.skip else [])]
        case tree.Branches():
            return list(link.branches)
        case tree.Repeat() | tree.Gate():
            return [link.body]
        case tree.Call():
            return []
