"""A picture of bytes as a PNG data URI: a heat map has too many cells to draw each as SVG.

Shapes: a matrix of palette indices (row 0 on top), and a palette of RGBA rows. Index 0 is clear.
Source: PNG (Portable Network Graphics) Specification, W3C, third edition: colour type 3 with tRNS.
The same matrix gives the same bytes: no time, no text chunk, a fixed level of compression.
"""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
import numpy.typing as npt

_SIGNATURE = b"\x89PNG\r\n\x1a\n"

# Few to many: light to dark of one hue, so that a grey print keeps the order; dark pages turn the
# lightness round (report.css). Clear, then 32 steps.
_FEW, _MANY = np.array([190, 215, 238]), np.array([7, 29, 78])


def _palette(n: int) -> npt.NDArray[np.uint8]:
    share = np.linspace(0, 1, n)[:, None]
    rgb = np.round(_FEW + share * (_MANY - _FEW)).astype(np.uint8)
    solid = np.hstack([rgb, np.full((n, 1), 255, dtype=np.uint8)])
    return np.vstack([np.zeros((1, 4), dtype=np.uint8), solid])


STEPS = 32
PALETTE = _palette(STEPS)


def png(cells: npt.NDArray[np.uint8], palette: npt.NDArray[np.uint8] = PALETTE) -> bytes:
    """The file. ValueError when a cell points outside the palette."""
    if cells.ndim != 2 or not cells.size:
        raise ValueError(f"a picture needs rows and columns, not shape {cells.shape}")
    if int(cells.max()) >= len(palette):
        raise ValueError(f"cell {int(cells.max())} of a palette with {len(palette)} colours")
    height, width = cells.shape
    rows = np.zeros((height, width + 1), dtype=np.uint8)  # each row begins with filter 0: none
    rows[:, 1:] = cells
    return _SIGNATURE + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", palette[:, :3].tobytes()),
            _chunk(b"tRNS", palette[:, 3].tobytes()),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        )
    )


def data_uri(cells: npt.NDArray[np.uint8]) -> str:
    return "data:image/png;base64," + base64.b64encode(png(cells)).decode()


def shades(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Counts as palette indices by their logarithm; no sample is clear, one is the lightest."""
    most = float(counts.max()) if counts.size else 0.0
    if most <= 0:
        return np.zeros(counts.shape, dtype=np.uint8)
    share = np.log(np.maximum(counts, 1))
    scale = np.log(most) if most > 1 else 1.0
    index = 1 + np.minimum(share / scale * (STEPS - 1), STEPS - 1)
    return np.where(counts > 0, np.round(index), 0).astype(np.uint8)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
