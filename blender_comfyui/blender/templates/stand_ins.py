"""What stands in the place of a picture: three dots while it is fetched, an empty frame where there is none.

A popup that is open cannot be laid out anew from outside, but pictures in it can change: so these are pictures, too.
"""

from functools import cache

import numpy

SIDE = 96  # pixels
_GREY, _ALPHA = 0.6, 0.5
_THIN = 0.012  # half a line, in sides

Drawing = tuple[int, int, bytes]  # width, height, float32 RGBA from the bottom row up


@cache
def waiting() -> Drawing:
    """Three dots."""
    x, y = _grid()
    dots = [numpy.hypot(x - at, y - 0.5) - 0.025 for at in (0.4, 0.5, 0.6)]
    return _drawn(numpy.minimum.reduce(dots))


@cache
def missing() -> Drawing:
    """A frame with a stroke through it."""
    x, y = _grid()
    frame = numpy.abs(numpy.maximum(numpy.abs(x - 0.5) - 0.2, numpy.abs(y - 0.5) - 0.15)) - _THIN
    stroke = numpy.maximum(numpy.abs(0.15 * (x - 0.5) - 0.2 * (y - 0.5)) / 0.25 - _THIN, numpy.abs(x - 0.5) - 0.2)
    return _drawn(numpy.minimum(frame, stroke))


def _grid() -> tuple[numpy.ndarray, numpy.ndarray]:
    y, x = numpy.mgrid[0:SIDE, 0:SIDE]
    return (x + 0.5) / SIDE, (y + 0.5) / SIDE


def _drawn(distance: numpy.ndarray) -> Drawing:
    """From distances to what is drawn, in sides, negative inside it: smooth edges of one pixel."""
    pixels = numpy.full((SIDE, SIDE, 4), _GREY, dtype=numpy.float32)
    pixels[..., 3] = numpy.clip(0.5 - distance * SIDE, 0.0, 1.0) * _ALPHA
    return SIDE, SIDE, pixels.tobytes()
