"""Nodes of the IR to expressions of the generated code: which layers share a `Sequential`, what becomes a class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence as Items
from dataclasses import dataclass, field, replace
from itertools import groupby

from dcgan_compiler.codegen.expression import (
    SHAPE,
    Attribute,
    Chain,
    Code,
    Construct,
    Expression,
    Hole,
    Slice,
    Source,
    Structure,
)
from dcgan_compiler.codegen.names import branch_names, conditional_title, direction, free_name, mirrored_title, role
from dcgan_compiler.ir import Gate, Layer, Node, Parallel, Sequence, Shape, Skip, Tap, Value, takes_label
from dcgan_compiler.layers.definition import ACTIVATION, NORM, Composite, Constant, Module
from dcgan_compiler.names import class_name

_CHANNELS = ("in_channels", "out_channels", "in_features", "out_features", "num_features", "num_channels")


def flattened(sequence: Sequence) -> list[Node]:
    """The nodes of a sequence, out of its lines and repeats, but with macro calls in one piece."""
    nodes: list[Node] = []
    for item in sequence.items:
        if isinstance(item, Sequence) and item.macro is None:
            nodes += flattened(item)
        else:
            nodes.append(item)
    return nodes


def is_expression(node: Node) -> bool:
    """Whether a node can be written into `forward` as an expression or a statement."""
    return isinstance(node, (Tap, Skip)) or (isinstance(node, Layer) and node.definition.expression is not None)


def needs_forward(node: Node) -> bool:
    """Whether a node is more than one module called on x."""
    if isinstance(node, Layer):
        return node.definition.module is None and node.definition.composite(node) is None
    return not isinstance(node, Sequence)


# Modules


def construct(layer: Layer, *, inplace: bool) -> Construct:
    """The construction of a layer's module."""
    assert layer.definition.module is not None
    return _constructed(layer, layer.definition.module(layer), inplace=inplace)


def _constructed(layer: Layer, module: Module, *, inplace: bool = False) -> Construct:
    defaults = {parameter.name: parameter.default for parameter in layer.definition.parameters}
    depthwise = layer.in_shape[0]
    roles = _positional_roles(layer, module)
    return Construct(
        module.name if "." in module.name else f"nn.{module.name}",
        tuple(_argument(value, role) for value, role in zip(module.positional, roles, strict=True)),
        tuple(Hole(value, name, name == "groups" and value == depthwise) for name, value in module.keywords),
        ("inplace=True",) if inplace and layer.definition.inplace else (),
        module.wrapper,
        {"groups": 1, **defaults},
        tuple(Hole(value, name) for name, value in module.general),
        layer if layer.definition.weights == "operator" else None,
    )


def _argument(value: Value | Constant, role: str) -> Hole | Source:
    return Source(value.text) if isinstance(value, Constant) else Hole(value, role, role in _CHANNELS)


def _positional_roles(layer: Layer, module: Module) -> list[str]:
    """What the positional arguments of a module are: channels where they are the layer's, else the first parameters."""
    channels = "features" if len(layer.in_shape) == 1 else "channels"
    if layer.definition.weights == "operator":
        return [f"in_{channels}", f"out_{channels}"][-len(module.positional) :]
    names = iter([parameter.name for parameter in layer.definition.parameters])
    return [
        (
            SHAPE
            if value == layer.out_shape
            else "num_features" if layer.definition.role == NORM and value == layer.in_shape[0] else next(names, "size")
        )
        for value in module.positional
    ]


def called(name: str, *nodes: Node) -> str:
    """The call of the attribute that some nodes are, as an expression of `{x}`."""
    return f"self.{name}({{x}}{', label' if any(map(takes_label, nodes)) else ''})"


def chained(nodes: Items[Node], title: str | None = None) -> Expression:
    """Nodes as one module: an `nn.Sequential`, or a class, with a title, where some of several take the label."""
    if len(nodes) > 1 and any(map(takes_label, nodes)) and not _is_join(nodes):
        summary = "A block that is told the class of each sample"
        return _Builder(title or conditional_title(nodes), summary).structure(nodes)
    items: list[Expression] = []
    before: Node | None = None
    for position, node in enumerate(nodes):
        rest = nodes[position:]
        if isinstance(node, Parallel) and _is_join(rest):
            items.append(parallel_structure(node, rest[1:]))
            break
        items.append(module(node, before))
        before = node
    return items[0] if len(items) == 1 else Chain(tuple(items))


def _is_join(nodes: Items[Node]) -> bool:
    """Branches, and nothing but layers that keep the shape and can follow their sum in its own class."""
    first, *rest = nodes
    plain = all(isinstance(node, Layer) and node.definition.role in (NORM, ACTIVATION) for node in rest)
    return isinstance(first, Parallel) and plain


def module(node: Node, before: Node | None) -> Expression:
    """One node as a module; `before` is the node whose output it takes in the same chain."""
    match node:
        case Layer() if composite := node.definition.composite(node):
            return composite_structure(node, composite)
        case Layer() if node.definition.module is not None:
            return construct(node, inplace=_is_fresh(before))
        case Layer():
            summary = node.definition.summary
            return _Builder(class_name(node.name), summary[0].upper() + summary[1:]).structure([node])
        case Parallel():
            return parallel_structure(node, [])
        case Gate():
            return _Builder("Gate", "`x * gate(x)`").structure([node])
        case Sequence(macro=None):
            return chained(flattened(node))
        case Sequence():
            return macro_structure(node)
        case Tap() | Skip():
            raise AssertionError("the skips of a half stand in its own forward")


def _is_fresh(node: Node | None) -> bool:
    """Whether a node's output is needed by nobody else, its own backward included, so that it can be overwritten."""
    if isinstance(node, Sequence):
        return bool(node.items) and _is_fresh(node.items[-1])
    if isinstance(node, Layer):
        return node.definition.weights is not None or node.definition.role == NORM
    return isinstance(node, (Parallel, Gate))


# Structures


def composite_structure(layer: Layer, composite: Composite) -> Structure:
    """A layer that torch has no module for, as a class."""
    attributes = [
        Attribute(name, Source(part) if isinstance(part, str) else _constructed(layer, part))
        for name, part in composite.parts
    ]
    statements = [
        tuple(part if isinstance(part, str) else Hole(part[1], part[0]) for part in statement)
        for statement in composite.statements
    ]
    return Structure(
        composite.title,
        composite.summary,
        tuple(attributes),
        (),
        layer.in_shape,
        layer.out_shape,
        layer.definition.takes_label,
        tuple(statements),
    )


def parallel_structure(node: Parallel, following: Items[Node]) -> Structure:
    """Branches, and the layers directly after their sum, as a class."""
    return _Builder(*_title_and_summary(node)).structure([node, *following])


def _title_and_summary(node: Parallel) -> tuple[str, str]:
    if node.keyword == "residual":
        title = f"{direction(node.in_shape, node.out_shape)}ResidualBlock"
        return title, "`body(x) + skip(x)`" if node.branches[1].items else "`x + body(x)`"
    if node.join == "cat":
        return "ConcatBlock", "Branches joined along the channels"
    if node.fan_out == "split":
        return "SplitBlock", "The sum of branches that take a slice of the channels each"
    return "SumBlock", "The sum of branches"


def macro_structure(sequence: Sequence) -> Structure:
    """The expansion of a macro as a class of the macro's name."""
    assert sequence.macro is not None
    title = class_name(sequence.macro)
    builder = _Builder(title, "")
    if sequence.transposed:
        builder = _Builder(mirrored_title(title), f"The mirror of `{title}`")
    lines = [item for item in sequence.items if isinstance(item, Sequence) and item.macro is None]
    if len(lines) < max(2, len(sequence.items)):
        name = lines[0].name if len(lines) == len(sequence.items) == 1 and lines[0].labelled else None
        builder.nodes(flattened(sequence), name)
        lines = []
    for number, line in enumerate(lines, start=1):
        builder.nodes(flattened(line), line.name if line.labelled else f"block{number}")
    return replace(builder.build(sequence.in_shape, sequence.out_shape), named=sequence.arguments)


@dataclass
class _Builder:
    """Collects the attributes and steps of one class."""

    title: str
    summary: str
    attributes: list[Attribute] = field(default_factory=list)
    steps: list[Code] = field(default_factory=list)
    takes_label: bool = False

    def structure(self, nodes: Items[Node]) -> Structure:
        """The class of some nodes in a row."""
        self.nodes(nodes, None)
        return self.build(nodes[0].in_shape, nodes[-1].out_shape)

    def build(self, in_shape: Shape, out_shape: Shape) -> Structure:
        """The class of what was collected."""
        parts = tuple(self.attributes), tuple(self.steps)
        return Structure(self.title, self.summary, *parts, in_shape, out_shape, self.takes_label)

    def nodes(self, nodes: Items[Node], name: str | None) -> None:
        """Nodes in a row: runs of modules as attributes; branches, gates and expressions as steps.

        What takes the label is an attribute of its own, since an `nn.Sequential` does not hand it on.
        """
        run: list[Node] = []
        before: Node | None = None
        for block, group in groupby(nodes, key=_block_with_label):
            calls = list(group)
            for node in [] if block else calls:
                if needs_forward(node) or takes_label(node):
                    self._modules(run, name, before)
                    run, before = [], node
                    self._step(node)
                else:
                    run.append(node)
            if block:
                self._modules(run, name, before)
                run, before = [], calls[-1]
                self._blocks(calls)
        self._modules(run, name, before)
        self.takes_label = self.takes_label or any(map(takes_label, nodes))

    def _modules(self, run: Items[Node], name: str | None, before: Node | None) -> None:
        if not run:
            return
        items = [module(node, earlier) for node, earlier in zip(run, [before, *run], strict=False)]
        expression = items[0] if len(items) == 1 else Chain(tuple(items))
        self._call(self._attribute(name or role(run), expression), *run)

    def _step(self, node: Node) -> None:
        match node:
            case Gate():
                attribute = self._attribute("gate", chained(flattened(node.body), f"{self.title}Gate"))
                self.steps.append((f"{{x}} * {called(attribute, node.body)}",))
            case Parallel():
                self.steps.append(self._joined(node))
            case Layer() if node.definition.expression is not None:
                self.steps.append((node.definition.expression(node),))
            case Layer() | Sequence():
                self._call(self._attribute(role([node]), module(node, None)), node)

    def _blocks(self, calls: Items[Node]) -> None:
        """Calls of one block that takes the label: one module, or a list of them."""
        items = tuple(module(call, None) for call in calls)
        if len(items) == 1:
            self._call(self._attribute("block", items[0]), *calls)
            return
        attribute = self._attribute("blocks", Chain(items, "ModuleList"))
        self.steps.append((f"for block in self.{attribute}:\n    {{x}} = block({{x}}, label)",))

    def _joined(self, node: Parallel) -> Code:
        """The branches of a node, called on their share of x and joined, as one expression."""
        names = branch_names(node)
        calls = [
            self._branch(branch, name, share)
            for branch, name, share in zip(node.branches, names, _shares(node), strict=True)
        ]
        if node.join == "cat":
            return ("torch.cat((", *_separated(calls, ", "), "), dim=1)")
        calls.sort(key=lambda code: code != ("{x}",))
        return _separated(calls, " + ")

    def _branch(self, branch: Sequence, name: str, share: Code) -> Code:
        nodes = flattened(branch)
        if not nodes:
            return share
        lines = [item for item in branch.items if isinstance(item, Sequence)]
        label = lines[0].name if len(lines) == 1 and lines[0].labelled else None
        attribute = self._attribute(label or name, chained(nodes, f"{self.title}{class_name(name)}"))
        opening, closing = called(attribute, branch).split("{x}")
        return (opening, *share, closing)

    def _attribute(self, name: str, expression: Expression) -> str:
        """Add an attribute under a name that is still free."""
        free = free_name(name, [attribute.name for attribute in self.attributes])
        self.attributes.append(Attribute(free, expression))
        return free

    def _call(self, attribute: str, *nodes: Node) -> None:
        self.steps.append((called(attribute, *nodes),))


def _shares(node: Parallel) -> list[Code]:
    """What each branch receives: x, or a slice of its channels."""
    if node.fan_out == "copy":
        return [("{x}",)] * len(node.branches)
    widths = tuple(Hole(share[0], "channels", True) for share in node.shares)
    shares: list[Code] = []
    for number in range(len(widths)):
        stop = widths[: number + 1] if number < len(widths) - 1 else ()
        shares.append(("{x}[:, ", Slice(widths[:number], stop), "]"))
    return shares


def _block_with_label(node: Node) -> str | None:
    """The name of the block that a node is a call of, if it takes the label."""
    return node.macro if isinstance(node, Sequence) and takes_label(node) else None


def _separated(codes: Iterable[Code], separator: str) -> Code:
    parts: list[str | Hole | Slice] = []
    for code in codes:
        parts += [separator, *code] if parts else [*code]
    return tuple(parts)
