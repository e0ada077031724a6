"""The JSON form: the syntax tree as JSON, and back. `grammar/dgan.schema.json` says the same to other tools.

The text has one object, or an array of objects that are read one after the other. Its keys are the statements in order;
the first is the kind of the model (a `$schema` is passed over):

    "gan": "Name"                                        gan Name { ... }
    "params": {"width": 64, "wide": "width * 2"}         param width = 64 ...
    "input": ["channels", 64, 64]                        input (channels, 64, 64); so `latent`, `init`, ...
    "default": [{"conv": {"stride": 2}}]                 default conv(stride=2)
    "blocks": {"up": {"parameters": ["n", {"k": 3}], "body": [lines]}}
                                                         block up(n, k=3) { ... }
    "train": {options}                                   train { ... }
    "discriminator": [lines]                             discriminator { ... }
    "generator": {"mirror": {options}}                   generator mirror { ... }

An array of objects is needed only where one object can not keep the order or would have a key twice. The same goes for
options: `{"norm": "batch_norm", "at": {"stem": {options}}}` or an array of such objects. A layer with arguments is an
option's value as in a line: `{"norm": {"group_norm": [8]}}`. No half can be called `params` or `blocks` here.

A line is a list of layers, `[{"conv": [64]}, "relu"]`, or `{"label": "stem", "chain": [layers]}`. A layer is a name, or
an object of its name and its arguments: `{"conv": [64, 3]}` by position, `{"conv": {"stride": 2}}` by name, and both in
`{"conv": [64, {"stride": 2}]}`. The combinators stand where a layer may:

    {"residual": [lines], "skip": [lines]}               {"gate": [lines]}
    {"sum": [[lines], [lines]]}                          {"repeat": 3, "body": [lines]}
    {"concat": [[lines], [lines]]}

A tuple is an array, a negative literal a negative number, and a string is an expression: `"width * 2"`. Only among the
arguments of a layer a string that is an identifier, and not a name in scope, is a quoted word: `{"padding": "same"}`.
What that rule takes for something else is written as an expression: `"'width'"` for a text, `"(word)"` for a name.
"""

from dcgan_compiler.syntax.json_reader import read
from dcgan_compiler.syntax.json_writer import write

__all__ = ["read", "write"]
