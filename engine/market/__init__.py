"""Market data: captures and synthetic streams as bytes plus numpy arrays, never objects a message.
"""

from engine.market.stream import (
    STREAM_REC,
    FeedKind,
    Framing,
    Source,
    Stream,
    index,
    synthetic,
)

__all__ = [
    "STREAM_REC",
    "FeedKind",
    "Framing",
    "Source",
    "Stream",
    "index",
    "synthetic",
]
