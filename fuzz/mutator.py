"""Damage to descriptions: bytes, words, lines and whole subtrees, and what programs stumble over."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

MAX_BYTES = 16_000
_WORD = re.compile(rb'[A-Za-z_]\w*|\d+(?:\.\d+)?|->|"[^"\n]*"|[^\s\w]|\s+')
_GROUP = re.compile(rb"[({\[][^(){}\[\]]*[)}\]]")
_NUMBER = re.compile(rb"\d+")

_NUMBERS = rb"""0 1 2 3 7 64 255 256 10000 2147483647 2147483648 1000000000000 1000000000000000000
    1000000000000000001 99999999999999999999999999 -1 -0 -0.0 0.0 0.5 1e-320 1e308 1e309 1e999 .5 5. 007 1_000 0x10
    NaN Infinity true false null (1,2) (1,1) (0,) () 1/3 2**64 2**-64 1/0 -1%3""".split()
_WORDS = rb"""gan vae autoencoder param input latent init classes condition default block train discriminator generator
    encoder decoder mirror at norm activation dropout output upsample unpool spectral_norm width skips tied residual
    skip sum concat branch gate repeat index in_channels min max same none keep drop transpose nearest bilinear
    pixel_shuffle concat add conv conv_transpose depthwise_conv linear flatten unflatten pad crop pixel_unshuffle
    batch_norm group_norm layer_norm instance_norm relu leaky_relu prelu softmax tanh sigmoid identity max_pool
    avg_pool global_avg_pool adaptive_avg_pool self_attention minibatch_stddev weight_norm kernel_size stride padding
    dilation groups bias output_padding padding_mode "zeros" "reflect" "same" size scale_factor mode affine heads
    loss optimizer adam sgd lr betas momentum nesterov bce hinge wgan wgan_gp steps clip r1 ema beta noise
    forward __class__ self import lambda None $schema params blocks parameters body label chain""".split()
_MARKS = rb"""{ } ( ) [ ] , ; : = -> + - * / // % ** == != < <= > >= # " ' \ ` @ & | ~ ! ? . $ ^ """.split()
_ODD = [
    *(bytes([byte]) for byte in (0, 7, 9, 10, 11, 12, 13, 27, 127, 128, 192, 255)),
    *(text.encode() for text in ("\ufeff", "\u2028", "\u2029", "\x85", "\xa0", "\u202e", "\u2066", "\u200b", "\u0301")),
    *(text.encode() for text in ("ﬀ", "ａ", "１", "٣", "²", "İ", "ß", "日本", "🙂", "–", "“", "；", "ｐａｒａｍ")),
    *(rb"\u0000", rb"\ud800", rb"\udc00\ud800", rb"\u202e", rb"\n", rb"\x", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80"),
]
_BRACKETS = ((b"(", b")"), (b"{", b"}"), (b"[", b"]"), (b"residual {", b"}"), (b"sum { branch {", b"} }"))
_NESTED = ((b"gate { ", b" }"), (b"repeat 2 { ", b" }"), (b'[[{"gate": ', b"}]]"), (b"-(", b")"), (b"max(", b")"))

Damage = Callable[[Random, bytes, Sequence[bytes]], bytes]


def mutated(random: Random, corpus: Sequence[bytes], seed: bytes) -> bytes:
    """A description with one to five damages; `corpus` is what parts of others are taken from."""
    data = seed
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 5))):
        data = random.choice(_DAMAGES)(random, data, corpus)[:MAX_BYTES]
    return data


def _place(random: Random, data: bytes) -> int:
    return random.randrange(len(data) + 1)


def _stretch(random: Random, data: bytes, longest: int = 40) -> tuple[int, int]:
    start = _place(random, data)
    return start, min(len(data), start + random.randrange(longest))


def _replaced(data: bytes, start: int, end: int, new: bytes) -> bytes:
    return data[:start] + new + data[end:]


def _match(random: Random, pattern: re.Pattern[bytes], data: bytes) -> tuple[int, int]:
    """The place of a match; an empty one where there is none."""
    found = [match.span() for match in pattern.finditer(data)]
    return random.choice(found) if found else (0, 0)


# Bytes


def _flip(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(random, data)
    return _replaced(data, at, at + 1, bytes([random.randrange(256)]))


def _insert_odd(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(random, data)
    return _replaced(data, at, at, random.choice(_ODD))


def _delete(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    return _replaced(data, *_stretch(random, data), b"")


def _repeat(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _stretch(random, data)
    return _replaced(data, end, end, data[start:end] * random.choice((1, 2, 10, 200)))


def _cut(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    return data[: _place(random, data)]


def _line_ends(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    return data.replace(b"\n", random.choice((b"\r\n", b"\r", b"", b" ", b"\n\n", b";", b"\x0c", "\u2028".encode())))


def _encoding(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    return data.decode("utf-8", "replace").encode(random.choice(("utf-8-sig", "utf-16", "utf-16-le", "utf-32")))


# Words


def _word(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    new = random.choice(random.choice((_NUMBERS, _WORDS, _MARKS, _ODD)))
    return _replaced(data, *_match(random, _WORD, data), new)


def _insert_word(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    at = _match(random, _WORD, data)[0]
    word = random.choice(random.choice((_NUMBERS, _WORDS, _MARKS)))
    return _replaced(data, at, at, word + random.choice((b"", b" ")))


def _number(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    return _replaced(data, *_match(random, _NUMBER, data), random.choice(_NUMBERS))


def _swap(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    (a, b), (c, d) = sorted([_match(random, _WORD, data), _match(random, _WORD, data)])
    return data if b > c else data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


# Lines and subtrees


def _lines(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    lines = data.split(b"\n")
    line = lines.pop(random.randrange(len(lines)))
    for _copy in range(random.choice((0, 1, 2, 30))):
        lines.insert(random.randrange(len(lines) + 1), line)
    return b"\n".join(lines)


def _splice(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    other = random.choice(corpus)
    start, end = _stretch(random, other, 400)
    at = _place(random, data)
    return _replaced(data, at, random.choice((at, at + end - start)), other[start:end])


def _graft(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    """A pair of brackets with all that is in it, in the place of another."""
    other = random.choice((data, random.choice(corpus)))
    start, end = _match(random, _GROUP, other)
    return _replaced(data, *_match(random, _GROUP, data), other[start:end])


def _nest(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start, end = random.choice((_match(random, _WORD, data), _match(random, _GROUP, data)))
    opening, closing = random.choice(_BRACKETS + _NESTED)
    depth = random.choice((1, 2, 12, 30, 70, 500))
    return _replaced(data, start, end, opening * depth + data[start:end] + closing * depth)


_DAMAGES: tuple[Damage, ...] = (
    *(_flip, _insert_odd, _delete, _repeat, _cut, _line_ends, _encoding),
    *(_word, _word, _word, _insert_word, _insert_word, _number, _number, _number, _swap),
    *(_lines, _splice, _graft, _nest),
)
