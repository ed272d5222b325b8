import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypedDict, final, type_check_only

import numpy as np
import numpy.typing as npt

from engine.market import Stream
from engine.market.books import State
from engine.market.fix import Buffer, Level, Path, Records
from engine.market.ouch import Direction
from engine.market.replay import Protocol
from engine.session.events import CoreAction

VERSION: str
BUILD_TYPE: str
MARCH: str
COMPILER: str

class EngineError(OSError): ...

@final
class Hist:
    """Counts of values 1 .. 3.6e12 in HdrHistogram's geometry of three digits.

    np.asarray(hist) views the 33,792 counts; one thread records.
    """

    def record(self, value: int, count: int = 1) -> None: ...
    def add(self, other: Hist) -> None: ...
    def percentile(self, pct: float) -> int: ...
    @property
    def n(self) -> int: ...
    @property
    def min(self) -> int: ...
    @property
    def max(self) -> int: ...
    @property
    def saturated(self) -> int: ...
    def __array__(
        self, dtype: np.dtype[Any] | None = None, copy: bool | None = None
    ) -> npt.NDArray[np.uint64]: ...

@type_check_only
class NoiseProbe(TypedDict):
    cpu: int
    threshold_ticks: int
    n_gaps: int
    n_dropped: int
    lost_ticks: int
    max_ticks: int
    elapsed_ticks: int
    tsc_start: int
    nvcsw: int
    nivcsw: int
    minflt: int
    gaps: bytes

@type_check_only
class NeighbourProbe(TypedDict):
    cpu: int
    n_quiet: int
    n: int
    best_ticks: int
    ticks: bytes

def clock_caps() -> dict[str, Any]: ...
def clock_calibrate(window_ns: int = 1000000000) -> tuple[int, int]: ...
def clock_quantum() -> dict[str, int]: ...
def clock_costs(n: int = 100000) -> dict[str, Hist]: ...
def clock_offset(cpu_a: int, cpu_b: int, n_rounds: int = 100000) -> dict[str, int]: ...
def replay_index(source: str, data: bytes) -> bytes: ...
def replay_read(
    source: str, data: bytes, payload: str, only: tuple[tuple[bytes, int], ...]
) -> tuple[bytes | None, dict[str, Any], str]: ...
def replay_guess(data: bytes, /) -> str: ...
def fix_parse(
    data: Buffer,
    messages: Records,
    fields: Records,
    sentences: list[str],
    at: int,
    first_field: int,
    level: Level,
    dictionary: object,
) -> tuple[int, int, int, bool]: ...
def fix_frame(data: Buffer, at: int = 0) -> tuple[Literal["ok", "partial", "garbled"], int]: ...
def fix_checksum(data: Buffer) -> int: ...
def fix_paths() -> list[Path]: ...
def fix_path() -> Path: ...
def fix_use(path: Path, /) -> None: ...
def fix_find(
    messages: Records, fields: Records, tag: int, found: npt.NDArray[np.int64]
) -> None: ...
def fix_read(
    kind: Literal["int", "price", "time"],
    data: Buffer,
    fields: Records,
    which: npt.NDArray[np.int64],
    values: npt.NDArray[np.int64],
    valid: npt.NDArray[np.bool_],
) -> None: ...
def fix_encode(
    data: Buffer, messages: Records, fields: Records, out: npt.NDArray[np.uint8]
) -> int: ...
def fix_data_tag(length_tag: int, /) -> int: ...
def itch_types() -> dict[str, tuple[str, int]]: ...
def itch_decode(
    data: Buffer, recs: Records, updates: Records, valid: npt.NDArray[np.bool_]
) -> None: ...
def itch_encode(
    updates: Records,
    types: npt.NDArray[np.bytes_],
    symbols: npt.NDArray[np.bytes_],
    out: npt.NDArray[np.uint8],
    recs: Records,
) -> int: ...
def itch_layout(type: bytes, /) -> tuple[int, list[tuple[str, str, int]]]: ...
def itch_read(
    data: Buffer, recs: Records, values: Records, valid: npt.NDArray[np.bool_]
) -> None: ...
def itch_write(values: Records, out: npt.NDArray[np.uint8], recs: Records) -> int: ...
def ouch_types(direction: Direction, /) -> dict[str, tuple[str, int]]: ...
def ouch_layout(direction: Direction, /) -> tuple[int, list[tuple[str, str, int]]]: ...
def ouch_read(
    direction: Direction,
    data: Buffer,
    recs: Records,
    rows: Records,
    valid: npt.NDArray[np.bool_],
) -> None: ...
def ouch_write(
    direction: Direction,
    rows: Records,
    data: Buffer,
    out: npt.NDArray[np.uint8],
    recs: Records,
) -> int: ...
def ouch_options(options: Buffer) -> list[tuple[int, str, bytes]]: ...
def book_ops() -> dict[str, int]: ...
def synth(
    *,
    seed: int,
    n_body: int,
    mean_gap_ns: int,
    n_instruments: int,
    n_live_orders: int,
    is_fix: bool,
    weights: dict[str, int],
    px_change_permille: int,
    reprice_keeps_qty_permille: int,
    last_fill_part_permille: int,
    attributed_permille: int,
    priced_permille: int,
    tables: dict[str, npt.NDArray[np.int32]],
) -> tuple[bytes, bytes, int, dict[str, int]]: ...
def limits_tables() -> dict[
    str, tuple[int, list[tuple[str, str, int, int, str, str, str, int, int]]]
]: ...
def limits_rules() -> dict[str, dict[str, tuple[int, str]]]: ...
def limits_layout() -> list[tuple[str, str, int]]: ...
def limits_change_layout() -> tuple[int, list[tuple[str, str, int]]]: ...
def limits_bytes(
    n_accounts: int, n_instruments: int, n_strategies: int, n_venues: int, /
) -> int: ...
def limits_build(
    out: npt.NDArray[np.uint8],
    version: int,
    global_: npt.NDArray[np.void],
    venues: npt.NDArray[np.void],
    accounts: npt.NDArray[np.void],
    strategies: npt.NDArray[np.void],
    pairs: npt.NDArray[np.void],
    names: bytes,
) -> None: ...
def limits_why_not_whole(set: npt.NDArray[np.uint8], /) -> str | None: ...
def limits_compare(
    was: npt.NDArray[np.uint8], now: npt.NDArray[np.uint8], /
) -> tuple[int, bytes]: ...
def trade_tables() -> dict[str, dict[str, tuple[int, str]]]: ...
def probe_noise(cpus: Sequence[int], duration_ns: int, tsc_hz: int) -> list[NoiseProbe]: ...
def probe_neighbour(cpu: int, n: int, tsc_hz: int) -> NeighbourProbe: ...
def drill_run(config: Mapping[str, int], mischief: Mapping[str, Any]) -> dict[str, Any]: ...
def probe_placement(cpu_a: int, cpu_b: int, n_batches: int = 100) -> dict[str, int]: ...
def canary(cpu: int, duration_ns: int, tsc_hz: int) -> dict[str, Any]: ...
def component(
    *,
    name: str,
    regime: str,
    cpu: int,
    seed: int,
    tsc_hz: int,
    duration_ns: int,
    warmup_min_ns: int,
    warmup_max_ns: int,
    n_instruments: int,
    n_orders: int,
    stream: Stream | None,
    dictionary: object | None,
    refused_for: str,
    is_replayed: bool,
) -> dict[str, Any]: ...

@final
class Dictionary:
    """Tables of a FIX version, built from arrays (csrc/market/fix/dict.h).

    Any number of threads validate with it. ValueError: a sentence on what is wrong with the arrays.
    """

    def __new__(
        cls,
        *,
        begin_string: str,
        appl_ver_id: str,
        flags: int,
        values: Sequence[str],
        message_types: Sequence[str],
        fields: npt.NDArray[np.uint32],
        members: npt.NDArray[np.uint32],
        groups: npt.NDArray[np.uint32],
        messages: npt.NDArray[np.uint32],
        header: tuple[int, int],
        trailer: tuple[int, int],
        also: Sequence[Dictionary],
    ) -> Dictionary: ...
    def validate(
        self, message: Buffer, level: int = 3, carefully: bool = False
    ) -> tuple[int, int, int, int, str]: ...
    def expecting(self, sender: str, target: str) -> Dictionary: ...
    @property
    def sizes(self) -> dict[str, int]: ...

def fix_reason_text(reason: int, /) -> str: ...

@final
class Books:
    """The order books of all instruments of a feed (csrc/market/book/book.h).

    One thread at a time uses it; the others get a RuntimeError.
    """

    def __new__(
        cls, *, n_instruments: int, n_orders: int, n_levels_per_side: int, n_levels: int
    ) -> Books: ...
    def apply(self, updates: Records, changed: npt.NDArray[np.bool_]) -> None: ...
    def bbo(self, out: Records) -> None: ...
    def depth(self, instrument: int, side: int, out: Records) -> int: ...
    def find(self, instrument: int, id: int) -> tuple[int, int, int] | None: ...
    def queue_rank(self, instrument: int, id: int) -> int | None: ...
    def n(self, instrument: int) -> tuple[int, int, int, int]: ...
    def qty_at(self, instrument: int, side: int, px_nano: int, /) -> int: ...
    def take(self, instrument: int, side: int, qty: int, /) -> tuple[int, int, int, int]: ...
    def queue(self, instrument: int, side: int, px_nano: int, out: Records) -> int: ...
    def state(self, instrument: int, /) -> State: ...
    def view(self) -> BookViews: ...
    def hash(self) -> int: ...
    def check(self) -> str | None: ...
    def counters(self) -> dict[str, int]: ...

@final
class Feed:
    """Packets of a market data stream to updates (csrc/market/feed/feed.h).

    n_lines 0: one line without arbitration. One thread at a time uses it.
    """

    def __new__(
        cls,
        *,
        protocol: Protocol,
        in_mold: bool,
        n_instruments: int,
        n_qty_decimals: int,
        first_seq: int,
        n_lines: int,
        settings: dict[str, int],
    ) -> Feed: ...
    def push(self, data: Buffer, recs: Records, ends: npt.NDArray[np.uint64]) -> bytearray: ...
    def poll(self, now_ns: int, /) -> bytearray: ...
    def request(self, now_ns: int, /) -> tuple[bool, int, int, int] | None: ...
    def forget(self) -> None: ...
    def symbols(self) -> list[str]: ...
    def name(self, key: int, symbol: str, /) -> None: ...
    def is_synced(self, instrument: int, /) -> bool: ...
    def counters(self) -> dict[str, dict[str, int]]: ...
    def losses(self) -> bytes: ...
    def lag(self, line: int, /) -> Hist: ...
    def skew_ns(self, a: int, b: int, pct: float, /) -> int: ...
    def silent_ns(self, line: int, now_ns: int, /) -> int | None: ...
    def due_ns(self) -> int | None: ...
    def next_seq(self) -> int: ...

@final
class BookViews:
    """What the writer of Books published (csrc/market/book/view.h).

    Any thread may read it while another applies updates.
    """

    def read(self, first: int, out: Records, valid: npt.NDArray[np.bool_]) -> None: ...
    @property
    def published(self) -> int: ...

@final
class Trial:
    """An engine, or the reflector, and a rig on a CPU each.

    start(), wait() until it returns True, then look. One thread uses it.
    """

    def __new__(
        cls,
        *,
        stream: Stream,
        due_ns: npt.NDArray[np.uint64],
        span_ns: int,
        n_frames: int,
        n_warmup: int,
        drain_ns: int,
        cpu_engine: int,
        cpu_rig: int,
        tsc_hz: int,
        is_reflect: bool,
        reflect_every: int,
        stage_timing: bool,
        n_instruments: int,
        n_orders: int,
        n_qty_decimals: int,
        ring_bytes: int,
        n_audit_slots: int,
        limits: tuple[int, ...],
        strategy: tuple[int, ...],
        rules: tuple[int, ...],
        kill: tuple[int, ...],
        board_dir: str | os.PathLike[str] | None,
        n_pack: int,
        first_seq: int,
        is_faulty: bool,
        market: tuple[Port, Port | None] | None,
        orders: tuple[Port, Port | None] | None,
        n_tape: int,
        stop: tuple[int, int, int],
    ) -> Trial: ...
    def start(self) -> None: ...
    def wait(self, timeout_s: float) -> bool: ...
    def stop(self) -> None: ...
    def kill(self) -> bool: ...
    def close(self) -> None: ...
    def swap(self, timeout_s: float = 1.0) -> Hist: ...
    def hists(self) -> dict[str, Hist]: ...
    def outliers(self) -> list[tuple[int, int, int, int, int]]: ...
    def counters(self) -> dict[str, dict[str, int]]: ...
    def tape(self) -> dict[str, Any]: ...
    def usage(self) -> dict[str, dict[str, int]] | None: ...
    def identities(self) -> list[tuple[str, int, int]]: ...
    def answer(self) -> dict[str, Any]: ...
    def book(self, instrument: int) -> dict[str, Any]: ...
    def audit(self, path: str | os.PathLike[str]) -> None: ...
    def audit_step(self) -> int: ...
    def audit_close(self) -> int: ...

@final
class Player:
    """A recording played through arbitration, feed and books.

    start(), wait() until it returns True, then result(). One thread uses it.
    """

    def __new__(
        cls,
        *,
        data: bytes,
        recs: npt.NDArray[np.void],
        protocol: str,
        is_packets: bool,
        n_lines: int,
        pace: str,
        speed_num: int,
        speed_den: int,
        rate_per_s: int,
        n_loops: int,
        into_port: bool,
        n_instruments: int,
        n_orders: int,
        n_levels_per_side: int,
        n_qty_decimals: int,
        n_cable_bytes: int,
        cpu_reader: int,
        cpu_sender: int,
    ) -> Player: ...
    def start(self) -> None: ...
    def wait(self, timeout_s: float) -> bool: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...
    def progress(self) -> dict[str, dict[str, int]]: ...
    def result(self) -> dict[str, Any]: ...

# What engine._core.OrderTable knows of an order; see csrc/py/py_oms.h.
_OrderRow: TypeAlias = tuple[int | None, ...]
_Change: TypeAlias = tuple[
    int, int, int | None, int, int | None, int, int | None, int, int | None, _OrderRow | None
]

@final
class OrderTable:
    """The order store (csrc/trade/order/order.h). One thread uses it.

    A change is (flags, lots, price, lots undone, their price, reserved lots and price before, and
    now, the order or None).
    """

    def __new__(cls, *, n_slots: int, n_execs: int, epoch: int) -> OrderTable: ...
    def next_id(self) -> int: ...
    def next_cancel_id(self) -> int: ...
    def sent(
        self,
        id: int,
        side: int,
        qty: int,
        px_nano: int | None,
        instrument: int,
        account: int,
        strategy: int,
        venue: int,
        type: int,
        time_in_force: int,
        expire_ns: int,
        trigger: int,
        /,
    ) -> _Change: ...
    def cancel_sent(self, request_id: int, order_id: int, /) -> _Change: ...
    def replace_sent(
        self, new_id: int, order_id: int, qty: int, px_nano: int | None, /
    ) -> _Change: ...
    def event(
        self,
        kind: int,
        id: int,
        orig_id: int,
        exec: int,
        ref_exec: int,
        qty: int,
        px_nano: int | None,
        /,
    ) -> _Change: ...
    def disconnect(self, venue: int, /) -> list[_Change]: ...
    def find(self, id: int, /) -> _OrderRow | None: ...
    def open(self) -> list[int]: ...
    def hash(self) -> int: ...
    def check(self) -> str | None: ...
    def counts(self) -> dict[str, int]: ...

def audit_scan(directory: str | os.PathLike[str], first_segment: int = 0) -> dict[str, Any]: ...
def audit_replay(
    directory: str | os.PathLike[str], first_segment: int = 0, n_fifo_lots: int = 1024
) -> dict[str, Any]: ...
def audit_names() -> tuple[dict[str, tuple[int, str]], dict[str, tuple[int, str]], str]: ...

@final
class AuditWriter:
    """A ring and the writer behind it (csrc/trade/audit/writer.h); 0 is its default.

    One thread appends, one steps. np.frombuffer(writer) views the words. With
    loses_sync nothing is ever synced: for tests that must notice.
    """

    def __new__(
        cls,
        directory: str | os.PathLike[str],
        tsc_hz: int,
        *,
        n_slots: int = 65536,
        segment_bytes: int = 0,
        rotate_ns: int = 0,
        commit_ns: int = 0,
        id_epoch: int = 0,
        commit_records: int = 0,
        stall_ns: int = 0,
        emergency_bytes: int = 0,
        config_hash: Buffer = ...,
        limits_hash: Buffer = ...,
        build_id: str = ...,
        host_id: str = ...,
        is_clock_synced: bool = False,
        loses_sync: bool = False,
    ) -> AuditWriter: ...
    def append(self, records: Records, n_more: int = 0) -> int: ...
    def step(self, now_tsc: int = 0, /) -> int: ...
    def commit(self, now_tsc: int = 0, /) -> None: ...
    def rotate(self, now_tsc: int = 0, /) -> None: ...
    def start(self, cpu: int = -1, poll_ns: int = 0) -> None: ...
    def close(self, now_tsc: int = 0, /) -> None: ...
    def abandon(self) -> None: ...
    @property
    def position(self) -> int: ...
    @property
    def durable(self) -> int: ...
    @property
    def error(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

_Left: TypeAlias = int | tuple[int, tuple[tuple[int, int, int], ...]] | None

@final
class Oms:
    """The order manager (csrc/trade/oms/oms.h) with its kill board. One thread uses it.

    np.asarray(oms) views the counters.
    """

    def __new__(
        cls, *, sizes: tuple[int, ...], fees: tuple[int, ...], board: Buffer | None
    ) -> Oms: ...
    def __array__(
        self, dtype: np.dtype[Any] | None = None, copy: bool | None = None
    ) -> npt.NDArray[np.uint64]: ...
    def send(
        self,
        now: int,
        side: int,
        qty: int,
        px_nano: int | None,
        instrument: int,
        account: int,
        strategy: int,
        venue: int,
        type: int,
        time_in_force: int,
        expire_ns: int,
        trigger: int,
        /,
    ) -> _Left: ...
    def replace(self, now: int, order_id: int, qty: int, px_nano: int | None, /) -> _Left: ...
    def cancel(self, now: int, order_id: int, /) -> _Left: ...
    def event(
        self,
        now: int,
        kind: int,
        id: int,
        orig_id: int,
        exec: int,
        ref_exec: int,
        qty: int,
        px_nano: int | None,
        /,
    ) -> int: ...
    def session(self, now: int, venue: int, kind: int, /) -> None: ...
    def fee(
        self,
        now: int,
        instrument: int,
        account: int,
        strategy: int,
        venue: int,
        fee_nano: int,
        /,
    ) -> None: ...
    def quote(
        self,
        now: int,
        instrument: int,
        bid: int | None,
        ask: int | None,
        bid_qty: int,
        ask_qty: int,
        /,
    ) -> None: ...
    def ready(self, instrument: int, ready: int, delay: int, utc_ns: int, /) -> None: ...
    def poll(self, now: int, /) -> int: ...
    def trip(self, now: int, scope: int, index: int, kind: int, /) -> None: ...
    def set_state(self, now: int, scope: int, index: int, kind: int, /) -> None: ...
    def use_limits(self, now: int, limits: Buffer | Records | npt.NDArray[np.uint8], /) -> None: ...
    def override(
        self,
        now: int,
        reasons: int,
        n_orders: int,
        until_now: int,
        until_utc: int,
        principal: int,
        other_principal: int,
        scope: int,
        index: int,
        /,
    ) -> None: ...
    def note_feed(self, now: int, instrument: int, in_step: int, /) -> None: ...
    def note_clock(self, now: int, utc_ns: int, offset_ns: int, is_synced: int, /) -> None: ...
    def stop(self, now: int, /) -> None: ...
    def request_reset(self) -> int: ...
    def draining(self) -> bool: ...
    def drained(self, residual: int, /) -> bool: ...
    def arm(self, epoch: int, scope: int, index: int, /) -> None: ...
    def close(self) -> None: ...
    def find(self, id: int, /) -> _OrderRow | None: ...
    def open_orders(self, scope: int, index: int, /) -> list[_OrderRow]: ...
    def position(
        self, account: int, instrument: int, /
    ) -> tuple[int, int, int, int, int, int, int, int, int, int, int, int | None]: ...
    def account(self, account: int, /) -> tuple[int, int, int, int, int, int, int, int, int]: ...
    def state(self, scope: int, index: int, /) -> int: ...
    def why(self) -> tuple[int, int, int, int, int, int, int]: ...
    def is_tripped(self, scope: int, index: int, /) -> bool: ...
    def hash(self) -> int: ...
    def verify(self) -> str | None: ...
    @staticmethod
    def counter_names() -> list[str]: ...
    def heard(self) -> list[_Change]: ...
    def drain(self) -> bytearray: ...

def oms_replay(
    records: Buffer | Records, n_fifo_lots: int = 1
) -> tuple[int, int, int, int, str | None]: ...

@final
class Ledger:
    """The positions of all accounts (csrc/trade/position/ledger.h), one thread's.

    methods: a byte an account. Its buffer, or memory unless None, is the view for readers.
    """

    def __new__(
        cls,
        *,
        methods: bytes,
        n_instruments: int,
        n_fifo_lots: int,
        memory: Buffer | None,
    ) -> Ledger: ...
    def fill(
        self, account: int, instrument: int, side: int, px_nano: int | None, qty: int, /
    ) -> bool: ...
    def execute(
        self,
        account: int,
        instrument: int,
        side: int,
        px_nano: int | None,
        qty: int,
        was_qty: int,
        was_px_nano: int | None,
        now_qty: int,
        now_px_nano: int | None,
        /,
    ) -> bool: ...
    def move(
        self,
        account: int,
        instrument: int,
        side: int,
        was_qty: int,
        was_px_nano: int | None,
        now_qty: int,
        now_px_nano: int | None,
        /,
    ) -> bool: ...
    def bust(
        self, account: int, instrument: int, side: int, px_nano: int | None, qty: int, /
    ) -> bool: ...
    def correct(
        self,
        account: int,
        instrument: int,
        side: int,
        was_px_nano: int | None,
        was_qty: int,
        px_nano: int | None,
        qty: int,
        /,
    ) -> bool: ...
    def fee(self, account: int, instrument: int, fee: int, /) -> bool: ...
    def mark(self, instrument: int, px_nano: int | None, tsc: int, /) -> bool: ...
    def position(
        self, account: int, instrument: int, /
    ) -> tuple[int, tuple[int, int], tuple[int, int], int, int, int, int, int, int, int | None]: ...
    def account(self, account: int, /) -> tuple[int, int, int, int, int, int, int, int, int]: ...
    def limits(self, account: int, /) -> tuple[int, int, int, int]: ...
    def foresee(
        self,
        account: int,
        instrument: int,
        side: int,
        was_qty: int,
        was_px_nano: int | None,
        now_qty: int,
        now_px_nano: int | None,
        /,
    ) -> tuple[int, int, int, int, int, int] | None: ...
    def hash(self) -> int: ...
    def check(self) -> str | None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

def ledger_view_shape(memory: Buffer, /) -> tuple[int, int]: ...
def ledger_view_read(
    memory: Buffer, what: int, first: int, out: Records, valid: npt.NDArray[np.bool_]
) -> None: ...

@final
class KillBoard:
    def __new__(
        cls, dir: str | os.PathLike[str] | None = None, create: bool = False, tsc_hz: int = 0
    ) -> KillBoard: ...
    @property
    def active(self) -> int: ...
    def close(self) -> None: ...
    def trip(self, scope: int, index: int, cause: int, who: int, /) -> bool: ...
    def allows(self, instrument: int, venue: int, account: int, strategy: int, /) -> bool: ...
    def is_tripped(self, scope: int, index: int, /) -> bool: ...
    def why(self) -> tuple[int, int, int, int, int, int, int, int, int]: ...
    def tripped(self) -> list[tuple[int, int]]: ...
    def notes(self) -> list[tuple[int, int, int, int, int]]: ...
    def acknowledge(self) -> int: ...
    def seen(self) -> tuple[bool, int, int]: ...
    def beat(self, beat: int, /) -> None: ...
    def draining(self) -> bool: ...
    def drained(self, n_residual: int, /) -> bool: ...
    def request(self) -> int: ...
    def arm(self, epoch: int, scope: int, index: int, /) -> None: ...
    def set_active(self, causes: int, /) -> None: ...
    def persist(self) -> None: ...
    def file(self) -> tuple[bool, int, bool, int, int, int] | None: ...
    def on_signal(self, signo: int, /) -> None: ...
    def judge(self, rules: Sequence[str], tsc_hz: int, /) -> list[int]: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

def kill_tables() -> dict[str, Any]: ...
def kill_default_dir() -> str: ...

@final
class FixSession:
    """One side of a FIX session (csrc/session/fix_session.h), its store in memory.

    Texts and numbers are those of engine.session.SessionConfig. One thread uses it.
    """

    def __new__(
        cls,
        *,
        names: tuple[str | None, ...],
        numbers: tuple[int, ...],
        dictionary: Dictionary | None,
    ) -> FixSession: ...
    def connected(self, now: int, /) -> list[CoreAction]: ...
    def disconnected(self, now: int, /) -> list[CoreAction]: ...
    def timer(self, now: int, /) -> list[CoreAction]: ...
    def proceed(self, now: int, /) -> list[CoreAction]: ...
    def message(self, now: int, message: Buffer, /) -> list[CoreAction]: ...
    def send(self, now: int, type: str, body: Buffer, head: Buffer, /) -> list[CoreAction]: ...
    def logout(self, now: int, text: str | None, /) -> list[CoreAction]: ...
    def refuse(self, now: int, reason: int, tag: int, text: str | None, /) -> list[CoreAction]: ...
    @property
    def state(self) -> str: ...
    @property
    def more(self) -> bool: ...
    @property
    def deadline(self) -> int | None: ...
    @property
    def next(self) -> tuple[int, int]: ...
    @property
    def heartbeat_s(self) -> int: ...
    @property
    def max_message(self) -> int: ...
    @property
    def why(self) -> str: ...
    @property
    def counts(self) -> dict[str, int]: ...

@final
class FixAcceptor:
    """Which session a connection belongs to (csrc/session/fix_acceptor.h)."""

    def __new__(cls, *, n_max: int) -> FixAcceptor: ...
    def add(self, session: FixSession, /) -> None: ...
    def admit(self, message: Buffer, /) -> FixSession | tuple[int, str]: ...

def fix_cut(data: Buffer, n_max: int, /) -> tuple[Literal["ok", "partial", "garbled"], int]: ...
def fix_causes() -> tuple[str, ...]: ...

@final
class Exchange:
    """An exchange: sockets, sessions, matching, market data (csrc/rig/exchange/serve.h).

    One thread uses it; start() gives it another one, which serves.
    """

    def __new__(
        cls,
        *,
        numbers: dict[str, int],
        symbols: Sequence[tuple[str, int]],
        rules: tuple[bool, int, int, int],
        fix: str | None,
        ouch: str | None,
        identities: Sequence[tuple[str, str, str, str, tuple[bool, int, int, int]]],
        ouch_identities: Sequence[tuple[str, str, str, tuple[bool, int, int, int]]],
        md_lines: tuple[str, ...],
        md_requests: str | None,
        md_session: str | None,
        store_dir: str | None,
        dictionaries: dict[int, Dictionary],
        mischief: dict[str, Any] | None,
        crowd: tuple[bytes, npt.NDArray[np.void], int] | None,
    ) -> Exchange: ...
    def start(self, cpu: int = -1) -> None: ...
    def turn(self, timeout_s: float) -> None: ...
    def stop(self, grace_s: float) -> None: ...
    def decide(
        self,
        op: str,
        symbol: str | None = None,
        phase: int = 0,
        owner: int = 4294967295,
        side: int = 2,
        match: int = 0,
    ) -> None: ...
    def counters(self) -> dict[str, int]: ...
    def ends(self) -> dict[str, int]: ...
    def mischief(self) -> dict[str, int] | None: ...
    def sessions(self) -> list[dict[str, str | int]]: ...
    def addresses(self) -> dict[str, str]: ...
    def close(self) -> None: ...
    @property
    def n_bytes(self) -> int: ...

@final
class Match:
    """A matching engine (csrc/rig/exchange/match.h).

    One thread at a time uses it; the others get a RuntimeError.
    """

    def __new__(
        cls,
        n_instruments: int,
        n_orders: int,
        n_stops: int,
        n_levels_per_side: int,
        n_owners: int,
        n_trades: int,
        tick_nano: int,
        max_qty: int,
        trigger: int,
        seed: int,
        /,
    ) -> Match: ...
    def take(self, requests: Records, times: npt.NDArray[np.uint64]) -> int: ...
    def drain(self, out: Records) -> int: ...
    def depth(self, instrument: int, side: int, is_waiting: bool, out: Records) -> int: ...
    def queue(
        self, instrument: int, side: int, px_nano: int, is_waiting: bool, out: Records
    ) -> int: ...
    def n(self, instrument: int, side: int, is_waiting: bool) -> tuple[int, int]: ...
    def find(
        self, instrument: int, id: int
    ) -> (
        tuple[int, int, int, int, int, int | None, int | None, int, int, int, int, int, int, int]
        | None
    ): ...
    def last_px(self, instrument: int, /) -> int | None: ...
    def phase(self, instrument: int, /) -> int: ...
    def next_expiry_ns(self) -> int: ...
    def hash(self) -> int: ...
    def books_hash(self) -> int: ...
    def check(self) -> str | None: ...

def match_layout(is_event: bool, /) -> tuple[int, list[tuple[str, str, int]]]: ...
def match_names() -> tuple[list[str], list[str], list[str]]: ...

@final
class Port:
    def __new__(
        cls,
        *,
        backend: str,
        netns: str | os.PathLike[str] | None,
        wait: str,
        wants_stamps: bool,
        n_slots: int,
        n_bytes_frame: int,
        accel: str,
        local: str | None,
        peer: str | None,
        multicast_interface: str | None,
        is_listener: bool,
        interface: str,
        is_framed: bool,
        flow: tuple[bytes, bytes, int, int, int, int, int, int, bool],
        hears: tuple[bytes, int, int, int, int, bool],
        queue: int,
        xdp_mode: str,
        impair: Impair | None,
        speaks_fix: bool,
    ) -> Port: ...
    def send(self, data: Buffer, /) -> bool: ...
    def receive(self, max_frames: int) -> list[tuple[bytes, int]]: ...
    def flush(self) -> None: ...
    def wait(self) -> None: ...
    def stats(self) -> dict[str, int]: ...
    def caps(self) -> dict[str, Any]: ...
    def reasons(self) -> dict[str, int]: ...
    def close(self) -> None: ...
    @property
    def local(self) -> str | None: ...
    @property
    def in_use(self) -> bool: ...

@final
class Impair:
    def __new__(
        cls, *, actions: npt.NDArray[np.uint8], udp_port: int, corrupt_at: int
    ) -> Impair: ...
    def attach(
        self, *, interface: str, is_egress: bool, hook: str, netns: str | os.PathLike[str] | None
    ) -> None: ...
    def detach(self) -> None: ...
    def restart(self, actions: npt.NDArray[np.uint8] | None) -> None: ...
    def counters(self) -> dict[str, int]: ...
    def close(self) -> None: ...
    @property
    def hook(self) -> str | None: ...

@final
class Xdp:
    def __new__(
        cls,
        *,
        kind: str,
        interface: str,
        netns: str | os.PathLike[str] | None,
        hook: str,
        udp_port: int,
        drops: bool,
    ) -> Xdp: ...
    def close(self) -> None: ...
    @property
    def n_frames(self) -> int: ...
    @property
    def hook(self) -> str: ...

@final
class Wire:
    def __new__(
        cls,
        *,
        ways: tuple[tuple[Port, Port, tuple[Any, ...], int, int], ...],
        tsc_hz: int,
        cpu: int,
    ) -> Wire: ...
    def stop(self) -> None: ...
    def counters(self, way: int, /) -> dict[str, int]: ...
    def errors(self, way: int, /) -> Hist: ...
    def waiting(self, way: int, /) -> int: ...
    def close(self) -> None: ...
    @property
    def usage(self) -> dict[str, int]: ...

@type_check_only
class SideDict(TypedDict):
    backend: str
    mode: str
    stamp: str
    cpu: int
    usage: dict[str, int]
    stats: dict[str, int]

@type_check_only
class PingDict(TypedDict):
    rtt: Hist
    handle: Hist
    ping: dict[str, int]
    echo: dict[str, int]
    ping_side: SideDict | None
    echo_side: SideDict | None
    placement_mticks: tuple[int | None, int | None]
    elapsed_ns: int
    was_stopped: bool

@type_check_only
class EchoDict(TypedDict):
    echo: dict[str, int]
    side: SideDict | None
    elapsed_ns: int
    was_stopped: bool

@type_check_only
class FloodDict(TypedDict):
    sent: dict[str, int]
    received: dict[str, int]
    arrived: int
    lost: int
    sent_span_ns: int
    received_span_ns: int
    sent_pps: float
    received_pps: float
    handle_ns: float
    lateness: Hist
    from_intended: Hist
    from_sent: Hist
    tx_side: SideDict | None
    rx_side: SideDict | None
    placement_mticks: tuple[int | None, int | None]
    identities: list[tuple[str, int, int]]
    elapsed_ns: int
    was_stopped: bool
    log: bytes

def backend_probe(name: str, /) -> tuple[bool, str, str]: ...
def wire_decide(plan: tuple[object, ...], index: int, /) -> tuple[int, int, int]: ...
def port_cable(n_bytes_each_way: int) -> tuple[Port, Port]: ...
def ping_run(
    *,
    port: Port,
    echo_port: Port | None,
    tsc_hz: int,
    cpu_ping: int,
    cpu_echo: int,
    n_rounds: int,
    n_warmup: int,
    n_bytes: int,
    flow: int,
    seed: int,
    timeout_ns: int,
    gap_ns: int,
    blocks: bool,
    echo_blocks: bool,
    one_thread: bool,
    n_placement_batches: int,
    max_ns: int,
    prefix: bytes,
) -> PingDict: ...
def probe_datagram(*, seq: int, n_bytes: int, flow: int, seed: int) -> bytes: ...
def echo_run(
    *,
    port: Port,
    cpu: int,
    n_max: int,
    only_probes: bool,
    n_prefix: int,
    blocks: bool,
    max_ns: int,
) -> EchoDict: ...
def flood_run(
    *,
    tx: Port | None,
    rx: Port | None,
    tsc_hz: int,
    cpu_tx: int,
    cpu_rx: int,
    n_frames: int,
    first_seq: int,
    n_bytes: int,
    flow: int,
    seed: int,
    stream: Stream | None,
    n_pack: int,
    due_ns: npt.NDArray[np.uint64] | None,
    span_ns: int,
    n_batch: int,
    is_live: bool,
    n_window: int,
    n_log: int,
    blocks: bool,
    one_thread: bool,
    settle_ns: int,
    n_placement_batches: int,
    max_ns: int,
    prefix: bytes,
) -> FloodDict: ...
def live_flood_run(
    *,
    rx: Port,
    tsc_hz: int,
    cpu_tx: int,
    cpu_rx: int,
    n_frames: int,
    n_bytes: int,
    flow_number: int,
    n_batch: int,
    flow: tuple[bytes, bytes, int, int, int, int, int, int, bool],
    netns: str | os.PathLike[str] | None,
    interface: str,
    n_prefix: int,
    n_window: int,
    n_log: int,
    blocks: bool,
    settle_ns: int,
    n_placement_batches: int,
    max_ns: int,
) -> FloodDict: ...
def frame_build(
    payload: Buffer,
    *,
    from_mac: bytes,
    to_mac: bytes,
    from_ip: int,
    to_ip: int,
    from_port: int,
    to_port: int,
    vlan: int,
    ttl: int,
    has_checksum: bool,
    ip_id: int,
) -> bytes: ...
def frame_read(
    frame: Buffer,
    *,
    mac: bytes | None = None,
    ip: int = 0,
    group: int = 0,
    port: int = 0,
    vlan: int = 0,
    verifies_checksum: bool = False,
) -> tuple[str, tuple[bytes, int, int, int, int, int] | None]: ...
def frame_reasons() -> dict[str, str]: ...
