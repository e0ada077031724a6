"""The arithmetic of sliding windows, one axis at a time, and its wording.

Formulas: Dumoulin & Visin, *A guide to convolution arithmetic for deep learning* (2016), and torch's documentation of
`Conv2d`, `ConvTranspose2d` and `MaxPool2d`. Below, `n` is the size that enters, `k` kernel_size, `s` stride, `p`
padding on each side and `d` dilation.
"""

from __future__ import annotations

from typing import NamedTuple

from dcgan_compiler import problems


class Window(NamedTuple):
    """The geometry of a window along one axis."""

    k: int
    s: int = 1
    p: int = 0
    d: int = 1

    @property
    def reach(self) -> int:
        """The distance from the first to the last element under the window."""
        return self.d * (self.k - 1)

    def slack(self, n: int) -> int:
        """How far the window can move over `n` elements; negative when it does not fit."""
        return n + 2 * self.p - self.reach - 1

    def positions(self, n: int) -> int:
        """How many places the window stands at: `floor((n + 2p - d(k - 1) - 1) / s) + 1`."""
        return self.slack(n) // self.s + 1

    def positions_ceil(self, n: int) -> int:
        """The same with the last place partly outside, as pooling with `ceil_mode` counts it."""
        positions = -(-self.slack(n) // self.s) + 1
        starts_in_padding = (positions - 1) * self.s >= n + self.p
        return positions - 1 if starts_in_padding else positions

    def spread(self, o: int) -> int:
        """The size that `o` places cover, which a transposed convolution gives: `(o - 1)s - 2p + d(k - 1) + 1`."""
        return (o - 1) * self.s - 2 * self.p + self.reach + 1


def windows(arguments: object) -> list[Window]:
    """The windows of a layer's arguments, one per axis; a pool may have no stride of its own, or no dilation."""
    assert isinstance(arguments, dict)
    kernel = arguments["kernel_size"]
    stride = arguments["stride"] or kernel
    dilation = arguments.get("dilation", (1,) * len(kernel))
    return [Window(*axis) for axis in zip(kernel, stride, arguments["padding"], dilation, strict=True)]


def check_fits(name: str, window: Window, n: int) -> None:
    """Raise `Problem`, with the arithmetic, where a window does not fit on `n` elements."""
    if window.slack(n) >= 0:
        return
    k, s, p, d = window
    smallest = window.reach + 1
    raise problems.DOES_NOT_FIT.error(
        layer=name,
        what=f"kernel_size {k}",
        arithmetic=f"({n} + 2*{p} - {d}*({k} - 1) - 1) / {s} + 1 < 1",
        hint=f"the input has size {n} here and the window spans {smallest}: use a smaller kernel, more padding, or"
        " fewer strided layers before it",
    )


def same_padding(n: int, window: Window) -> tuple[int, int]:
    """The padding before and after that makes a window give `ceil(n / s)` places; the odd one comes after."""
    places = -(-n // window.s)
    total = max((places - 1) * window.s + window.reach + 1 - n, 0)
    return total // 2, total - total // 2
