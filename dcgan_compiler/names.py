"""Which identifiers an author may use where they become names in the generated code."""

from __future__ import annotations

import builtins
import keyword
import re

from dcgan_compiler import problems
from dcgan_compiler.diagnostics import Problem
from dcgan_compiler.expressions import RESERVED
from dcgan_compiler.source import Span

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)

# Public attributes of `torch.nn.Module` and of the modules that `torch.jit.script` makes. A test compares with torch.
MODULE_ATTRIBUTES = frozenset("""
    T_destination add_module apply bfloat16 buffers call_super_init children code code_with_constants compile copy cpu
    cuda define double dump_patches eval extra_repr float forward forward_magic_method get_buffer get_debug_state
    get_extra_state get_parameter get_submodule graph graph_for half inlined_graph ipu load_state_dict modules mtia
    named_buffers named_children named_modules named_parameters original_name parameters register_backward_hook
    register_buffer register_forward_hook register_forward_pre_hook register_full_backward_hook
    register_full_backward_pre_hook register_load_state_dict_post_hook register_load_state_dict_pre_hook
    register_module register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ save
    save_to_buffer set_extra_state set_submodule share_memory state_dict to to_empty train training type xpu zero_grad
    """.split())

# What the generated file defines or imports.
_CLASS_NAMES = frozenset("Discriminator Generator Encoder Decoder VAE Autoencoder Tensor F".split()) | frozenset(
    name for name in dir(builtins) if name[0].isupper()
)


def check_name(what: str, name: str, span: Span) -> None:
    """Raise a located `Problem` where a model, param or argument may not have this name."""
    reason = why_not_identifier(name) or ("it has a meaning of its own in expressions" if name in RESERVED else None)
    _refuse(what, name, reason, span)


def check_label(name: str, span: Span) -> None:
    """Raise a located `Problem` where a line may not have this label: it becomes an attribute of a module."""
    reason = why_not_identifier(name)
    if name in MODULE_ATTRIBUTES:
        reason = "torch.nn.Module has an attribute of that name"
    _refuse("a line", name, reason, span)


def check_macro(name: str, vocabulary: object, span: Span) -> None:
    """Raise a located `Problem` where a block may not have this name: it becomes the name of a class."""
    reason = why_not_identifier(name)
    if isinstance(vocabulary, dict) and name in vocabulary:
        reason = "it is the name of a layer"
    elif class_name(name) in _CLASS_NAMES:
        reason = f"the generated file uses the class name {class_name(name)}"
    elif not class_name(name).isidentifier():
        reason = "it gives no class name"
    _refuse("a block", name, reason, span)


def class_name(name: str) -> str:
    """`down_block` as `DownBlock`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def why_not_identifier(name: str) -> str | None:
    """Why a name can not stand in generated code; None where it can."""
    if not _IDENTIFIER.fullmatch(name):
        return "names are at most 64 ASCII letters, digits and `_`, and do not begin with a digit"
    if name.startswith("_"):
        return "names that begin with `_` are private to torch and Python"
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return "it is a keyword of Python"
    return None


def _refuse(what: str, name: str, reason: str | None, span: Span) -> None:
    if reason:
        problem: Problem = problems.RESERVED_NAME.error(span, name=name[:80], what=what, reason=reason, hint=None)
        raise problem
