"""The layer that is meant by a name in torch's spelling (`LeakyReLU`, `Conv2d`) or by a common short one (`bn`)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dcgan_compiler.diagnostics import closest

_DIMENSION = re.compile(r"[123]d$")
_SHORT = {
    "bn": "batch_norm",
    "deconv": "conv_transpose",
    "dense": "linear",
    "dwconv": "depthwise_conv",
    "fc": "linear",
    "gap": "global_avg_pool",
    "gn": "group_norm",
    "ln": "layer_norm",
    "lrelu": "leaky_relu",
    "lrn": "local_response_norm",
    "none": "identity",
    "reshape": "unflatten",
    "swish": "silu",
    "view": "flatten",
    "zeropad": "pad",
}


def meant(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` was probably meant to be, or None: by its letters, as a short name, or one like it."""
    names = {name.replace("_", "").lower(): name for name in known}
    letters = _DIMENSION.sub("", word[:80].lower()).replace("_", "")
    short = _SHORT.get(letters, "")
    return names.get(letters) or names.get(short.replace("_", "")) or closest(word, names.values())
