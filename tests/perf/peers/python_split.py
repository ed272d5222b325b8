"""What a FIX message costs in Python with nothing installed: split twice, sum, convert."""

from __future__ import annotations

from peer import NOT_PARSED, fold, fold_text, main, mix, nano

TEXT, UINT, CHAR, PX = range(4)
ORDER = {34: UINT, 11: TEXT, 55: TEXT, 54: CHAR, 38: UINT, 40: CHAR, 44: PX, 59: CHAR}
REPORT = {34: UINT, 11: TEXT, 150: CHAR, 39: CHAR, 32: UINT, 31: PX, 151: UINT, 14: UINT}
MARKET_DATA = {34: UINT, 1181: UINT, 268: UINT, 279: CHAR, 269: CHAR, 270: PX, 271: UINT}
VALUES = {b"D": ORDER, b"8": REPORT, b"X": MARKET_DATA, b"W": MARKET_DATA}
OTHER = {34: UINT}


def values_of(fields: list[tuple[int, bytes]], kinds: dict[int, int]) -> int:
    """The typed values of a message, folded as csrc/rig/component/component_fix.h folds them."""
    answer = 0
    for tag, value in fields:
        kind = kinds.get(tag)
        if kind is None:
            continue
        if kind == UINT:
            answer = fold(answer, tag, int(value))
        elif kind == PX:
            answer = fold(answer, tag, nano(value))
        elif kind == CHAR:
            answer = fold(answer, tag, value[0])
        else:
            answer = fold_text(answer, tag, value)
    return answer


def step(message: bytes) -> int:
    if sum(message[:-7]) % 256 != int(message[-4:-1]):
        return NOT_PARSED
    fields = [f.split(b"=", 1) for f in message[:-1].split(b"\x01")]
    return values_of([(int(t), v) for t, v in fields], VALUES.get(fields[2][1], OTHER))


if __name__ == "__main__":
    main("bytes.split", step, lambda messages, total: mix(total))
