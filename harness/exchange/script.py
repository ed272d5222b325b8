"""The language of matching scripts: lines to commands.

A command a line; a line that is empty or begins with '#' is none. What a line means is decided by
its first words; then come its arguments, then its options in any order. The whole script is read
before any of it runs, so a mistake in it changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from types import MappingProxyType
from typing import Final

from harness.errors import RedlineError

NANO: Final = 10**9
MAX_BYTES: Final = 1 << 26  # of a script ...
MAX_LINE_BYTES: Final = 1 << 12  # ... and of a line
MAX_NAME: Final = 64  # letters
TOP_U32: Final = 2**32 - 2  # 2**32 - 1 means all of them
TOP_U63: Final = 2**63 - 1
TOP_U64: Final = 2**64 - 1
TOP_PRICE: Final = TOP_U63 // NANO

# What stands in capitals below; the rest are words as they are.
ARGUMENTS: Final = {
    "SIDE": "buy or sell",
    "ID": "of an order: 0 .. 2^63 - 1",
    "NEW_ID": "the same",
    "SYMBOL": "its number: 0 .. 2^32 - 2",
    "NAME": "the rest of the line",
    "PRICE": "like 10 or 10.25",
    "STOP": "a price",
    "SLIPPAGE": "a price: how far from the best one",
    "DISTANCE": "a price, or per cent of the market like 0.5%",
    "STEP": "the same: by how much the stop price moves at least",
    "QTY": "0 .. 2^64 - 1",
    "PHASE": "open, halted, auction or closed",
    "SECONDS": "a time, like 1.5",
    "TRADE": "its number, from 1",
    "OWNER": "a number, 0 .. 255",
    "WISH": "newest, oldest, both or decrement",
}

MATCHING: Final = (
    "add symbol SYMBOL NAME",
    "delete symbol SYMBOL",
    "add book SYMBOL",
    "delete book SYMBOL",
    "enable matching",
    "disable matching",
    "add limit SIDE ID SYMBOL PRICE QTY",
    "add ioc limit SIDE ID SYMBOL PRICE QTY",
    "add fok limit SIDE ID SYMBOL PRICE QTY",
    "add aon limit SIDE ID SYMBOL PRICE QTY",
    "add market SIDE ID SYMBOL QTY",
    "add slippage market SIDE ID SYMBOL QTY SLIPPAGE",
    "add stop SIDE ID SYMBOL STOP QTY",
    "add stop-limit SIDE ID SYMBOL STOP PRICE QTY",
    "add trailing stop SIDE ID SYMBOL STOP QTY DISTANCE STEP",
    "add trailing stop-limit SIDE ID SYMBOL STOP PRICE QTY DISTANCE STEP",
    "reduce order ID QTY",
    "modify order ID PRICE QTY",
    "mitigate order ID PRICE QTY",
    "replace order ID NEW_ID PRICE QTY",
    "delete order ID",
    "delete orders",
    "phase SYMBOL PHASE",
    "time SECONDS",
    "end day",
    "bust TRADE",
    "help",
    "exit",
    "quit",
)

# Behind any `add` of an order.
ORDER_OPTIONS: Final = (
    "show QTY",
    "min QTY",
    "post-only",
    "all-or-none",
    "day",
    "ioc",
    "fok",
    "until SECONDS",
    "at-open",
    "owner OWNER",
    "stp WISH",
)
_LIVES: Final = ("day", "ioc", "fok", "until", "at-open")  # how long: one of them at most
# Behind `delete orders`.
MASS_OPTIONS: Final = ("owner OWNER", "symbol SYMBOL", "side SIDE")

_CHOICES: Final = {
    "SIDE": ("buy", "sell"),
    "PHASE": ("open", "halted", "auction", "closed"),
    "WISH": ("newest", "oldest", "both", "decrement"),
}
_TOPS: Final = {
    "ID": TOP_U63,
    "NEW_ID": TOP_U63,
    "SYMBOL": TOP_U32,
    "QTY": TOP_U64,
    "TRADE": TOP_U63,
    "OWNER": 255,
}
_PRICES: Final = ("PRICE", "STOP", "SLIPPAGE", "DISTANCE", "STEP", "SECONDS")
_NUMBER: Final = re.compile(r"[0-9]+")
_DECIMAL: Final = re.compile(r"(-?)([0-9]+)(?:\.([0-9]{1,9}))?")
_COMMENT: Final = re.compile(r"\s#.*")

Value = int | str


class ScriptError(RedlineError):
    """The script cannot be read: where, what, and what was seen."""


@dataclass(frozen=True, slots=True)
class Command:
    line: int
    verb: str  # the first words of its form
    arguments: Mapping[str, Value]
    options: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Form:
    verb: tuple[str, ...]
    wants: tuple[str, ...]
    options: Mapping[str, str | None]  # None: a word alone

    @property
    def text(self) -> str:
        return " ".join((*self.verb, *self.wants))


def _form(text: str, options: Iterable[str] = ()) -> Form:
    words = text.split()
    verb = tuple(word for word in words if not word.isupper())
    pairs = (option.partition(" ") for option in options)
    return Form(verb, tuple(words[len(verb) :]), {word: want or None for word, _, want in pairs})


def _options_of(text: str) -> tuple[str, ...]:
    if text == "delete orders":
        return MASS_OPTIONS
    return ORDER_OPTIONS if text.startswith("add ") and " ID " in text else ()


FORMS: Final = tuple(_form(text, _options_of(text)) for text in MATCHING)
_BY_VERB: Final = {form.verb: form for form in FORMS}
_LONGEST: Final = max(len(verb) for verb in _BY_VERB)


class Script:
    """The commands of a script, up to `exit`, read anew each time they are gone through.

    `name` is for errors. ScriptError, at once, for the first line that is no command.
    """

    def __init__(self, data: bytes, name: str) -> None:
        if len(data) > MAX_BYTES:
            raise ScriptError(f"{name}: a script has at most {MAX_BYTES >> 20} MiB")
        self._data, self._name = data, name
        self.n_orders = self.n_stops = 0  # that are added
        self.symbols: set[int] = set()  # that have a book at some time
        self.wants_help = False
        for command in self:
            is_order = "ID" in command.arguments and command.verb.startswith("add ")
            self.n_orders += is_order
            self.n_stops += is_order and "STOP" in command.arguments
            self.wants_help |= command.verb == "help"
            if command.verb == "add book":
                self.symbols.add(int(command.arguments["SYMBOL"]))

    def __iter__(self) -> Iterator[Command]:
        for number, line in enumerate(BytesIO(self._data), start=1):
            try:
                command = _command(number, _text(line, is_first=number == 1))
            except ValueError as error:
                raise ScriptError(f"{self._name}:{number}: {error}") from None
            if command is None:
                continue
            if command.verb in ("exit", "quit"):
                return
            yield command


def _text(line: bytes, is_first: bool) -> str:
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"a line has at most {MAX_LINE_BYTES} bytes")
    try:
        return line.decode("utf-8-sig" if is_first else "utf-8").strip()
    except UnicodeDecodeError as error:
        raise ValueError(f"not text: byte 0x{line[error.start]:02x}") from None


def _command(number: int, line: str) -> Command | None:
    words = line.split()
    if not words or line.startswith("#"):
        return None
    form = _form_of(words)
    if form is None:
        raise ValueError(f"not a command: {shown(line)}")
    if "NAME" not in form.wants:  # a name may hold a '#'
        words = _COMMENT.sub("", line).split()
    rest = words[len(form.verb) :]
    if "NAME" in form.wants and len(rest) > 2:
        rest = [rest[0], line.split(None, len(form.verb) + 1)[-1]]
    verb = " ".join(form.verb)
    if len(rest) < len(form.wants):
        raise ValueError(f"{verb}: {form.wants[len(rest)]} is missing: {form.text}")
    given = zip(form.wants, rest, strict=False)
    try:
        arguments = {want: _value(want, word) for want, word in given}
        first = {form.verb[1]} if form.verb[1:] in (("ioc", "limit"), ("fok", "limit")) else set()
        options = dict(_options(form, rest[len(form.wants) :], first))
    except ValueError as error:
        raise ValueError(f"{verb}: {error}") from None
    return Command(number, verb, arguments, options)


def _form_of(words: list[str]) -> Form | None:
    for n in range(min(_LONGEST, len(words)), 0, -1):
        form = _BY_VERB.get(tuple(words[:n]))
        if form is not None:
            return form
    return None


def _options(form: Form, words: list[str], seen: set[str]) -> Iterator[tuple[str, Value]]:
    rest = iter(words)
    for word in rest:
        if word not in form.options:
            known = f"; options are: {', '.join(form.options)}" if form.options else ""
            raise ValueError(f"too much: {shown(word)}{known}")
        if word in seen:
            raise ValueError(f"{word}: given twice")
        if word in _LIVES and (other := seen.intersection(_LIVES)):
            raise ValueError(f"{word}: {other.pop()} is given already")
        seen.add(word)
        want = form.options[word]
        if want is None:
            yield word, 1
            continue
        value = next(rest, None)
        if value is None:
            raise ValueError(f"{word}: {want} is missing")
        yield word, _value(want, value)


def _value(want: str, word: str) -> Value:
    if want == "NAME":
        if len(word) > MAX_NAME or not word.isprintable():
            raise ValueError(f"NAME: not at most {MAX_NAME} letters: {shown(word)}")
        return word
    if want in _CHOICES:
        if word not in _CHOICES[want]:
            raise ValueError(f"{want}: {shown(word)} is not {ARGUMENTS[want]}")
        return word
    if want in _PRICES:
        return _nano(want, word)
    if not _NUMBER.fullmatch(word):
        raise ValueError(f"{want}: not a number: {shown(word)}")
    digits = word.lstrip("0")
    top = _TOPS[want]
    if len(digits) > len(str(top)) or int(digits or "0") > top:
        raise ValueError(f"{want}: {shown(word)} is above {top}")
    return int(digits or "0")


def _nano(want: str, word: str) -> int:
    """A price or a time in 1e-9; per cents as the engine has them: negative, in 1e-4."""
    if want in ("DISTANCE", "STEP") and word.endswith("%"):
        found = re.fullmatch(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?%", word)
        if found is None:
            raise ValueError(f"{want}: not per cent: {shown(word)}")
        return -int(found[1] + (found[2] or "").ljust(2, "0"))
    found = _DECIMAL.fullmatch(word)
    if found is None or (found[1] and want not in ("PRICE", "STOP")):
        raise ValueError(
            f"{want}: not {'a time' if want == 'SECONDS' else 'a price'}: {shown(word)}"
        )
    whole = found[2].lstrip("0") or "0"
    if len(whole) > len(str(TOP_PRICE)) or int(whole) >= TOP_PRICE:
        raise ValueError(f"{want}: {shown(word)} is not below {TOP_PRICE}")
    nano = int(whole) * NANO + int((found[3] or "").ljust(9, "0"))
    return -nano if found[1] else nano


def shown(text: str) -> str:
    """Quoted, on one line, and not too long."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def usage() -> str:
    """Every command, as `help` prints it."""
    width = max(map(len, ARGUMENTS))
    return "\n".join(
        [
            *MATCHING,
            "",
            f"behind an add: {', '.join(ORDER_OPTIONS)}",
            f"behind delete orders: {', '.join(MASS_OPTIONS)}",
            "",
            *(f"{name:<{width}}  {text}" for name, text in ARGUMENTS.items()),
        ]
    )
