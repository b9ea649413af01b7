"""Brightness and colour of a repainted picture, by what surrounds the mask and should look as before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
_ROUNDS = 4
_FEWEST = 200  # pixels that tell anything
_CALM = 25.0  # of 255, squared: where the ring has less contrast than that, hardly more than brightness is matched
_GAINS = (0.5, 2.0)
_CLIPPED = (3, 252)  # of 255: what is darker or brighter may have been cut off


class Match(NamedTuple):
    """For each channel: `gain * value + lift` (of 255)."""

    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    lift: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def of(self, pixels: Floats) -> Floats:
        return pixels * np.array(self.gain, np.float32) + np.array(self.lift, np.float32)


def matched(source: Floats, result: Floats, ring: npt.NDArray[np.bool_]) -> Match:
    """What makes the `result` look like the `source` on the `ring`. Both `[H, W, 3]`, 0 to 255, one over the other."""
    lines = [_line(result[..., channel][ring], source[..., channel][ring]) for channel in range(3)]
    gain, lift = zip(*lines, strict=True)
    return Match(gain, lift)


def _line(given: Floats, wanted: Floats) -> tuple[float, float]:
    """Gain and lift from the given values to the wanted ones; what the model painted anew counts for nothing."""
    low, high = _CLIPPED
    whole = (given >= low) & (given <= high) & (wanted >= low) & (wanted <= high)
    x, y = given[whole].astype(np.float64), wanted[whole].astype(np.float64)
    gain, lift = 1.0, 0.0
    if len(x) < _FEWEST:
        return gain, lift
    keep = np.ones(len(x), bool)
    for _ in range(_ROUNDS):
        mean_x, mean_y = x[keep].mean(), y[keep].mean()
        spread = ((x[keep] - mean_x) ** 2).mean()
        common = ((x[keep] - mean_x) * (y[keep] - mean_y)).mean()
        gain = float(np.clip((common + _CALM) / (spread + _CALM), *_GAINS))
        lift = float(mean_y - gain * mean_x)
        left = np.abs(gain * x + lift - y)
        keep = left <= max(3 * float(np.median(left)), 1.5)
    return gain, lift
