"""Market data: captures, messages, feeds and books as bytes plus numpy arrays, never objects a
message.

FIX, ITCH, OUCH and recordings are modules of their own (`fix.parse`, `itch.decode`, `ouch.read`,
`replay.play`): their verbs have the same names.
"""

from engine.market import fix, itch, ouch, replay
from engine.market.books import (
    BBO,
    LEVEL,
    PX_NONE,
    QUEUED,
    TOP,
    UPDATE,
    Books,
    BookView,
    Counts,
    Op,
    Order,
    Side,
    State,
    Taking,
)
from engine.market.dictionary import Checks, Dictionary
from engine.market.feed import LINE_ANY, LINE_RECOVERY, LOSS, Arbitration, Feed, Request
from engine.market.fix import FixBatch, FixStream, Outcome, Values
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
    "BBO",
    "LEVEL",
    "LINE_ANY",
    "LINE_RECOVERY",
    "LOSS",
    "PX_NONE",
    "QUEUED",
    "STREAM_REC",
    "TOP",
    "UPDATE",
    "Arbitration",
    "BookView",
    "Books",
    "Checks",
    "Counts",
    "Dictionary",
    "Feed",
    "FeedKind",
    "FixBatch",
    "FixStream",
    "Framing",
    "Op",
    "Order",
    "Outcome",
    "Request",
    "Side",
    "Source",
    "State",
    "Stream",
    "Taking",
    "Values",
    "fix",
    "index",
    "itch",
    "ouch",
    "replay",
    "synthetic",
]
