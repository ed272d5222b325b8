"""Public session conformance scripts: what they expect a validator to say of what they send.

A script's `I` lines are sent, its `E` lines expected. A Reject (35=3) among the latter names in 45
the message that it answers, and in 371 and 373 what was wrong with it; every other message must get
past the validator. What depends on the state of a session is listed below with its reason.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from test_dictionary import load, shared

# Rejects that only a session can give: what it expects of names, times and sequence numbers.
SESSION = {
    (9, 0): "SenderCompID or TargetCompID of another session",
    (10, 0): "SendingTime, or OrigSendingTime, against the clock",
    (1, 122): "OrigSendingTime is required of a possible duplicate",
    (5, 0): "a SequenceReset that goes back",
}
# Without a Reject for an answer, since these are ignored, or end the session.
IGNORED = {
    "1d_InvalidLogonLengthInvalid": "BodyLength is wrong",
    "1d_InvalidLogonWrongBeginString": "another version",
    "2d_GarbledMessage": "tags that are none",
    "2i_BeginStringValueUnexpected": "another version",
    "2m_BodyLengthValueNotCorrect": "BodyLength is wrong",
    "2t_FirstThreeFieldsOutOfOrder": "not 8, 9, 35",
    "3b_InvalidChecksum": "CheckSum is wrong",
    "3c_GarbledMessage": "tags that are none",
}


def complete(text: str) -> bytes:
    """The message that a script means: times put in, 9 and 10 where they are not given."""
    sent = re.sub(r"<TIME[^>]*>", "20260921-13:55:15", text).encode("latin-1")
    if b"\x019=" not in sent:
        head, _, rest = sent.partition(b"\x01")
        end = rest.find(b"\x0110=") + 1
        sent = head + b"\x019=%d\x01" % (end or len(rest)) + rest
    return sent if b"\x0110=" in sent else sent + b"10=%03d\x01" % (sum(sent) % 256)


def value(sent: bytes, tag: int) -> str:
    found = re.search(rb"\x01%d=([^\x01]*)" % tag, sent)
    return found[1].decode("latin-1") if found else ""


def script(path: Path) -> tuple[list[tuple[str, bytes]], dict[tuple[str, str], tuple[int, int]]]:
    """Messages sent (connection, bytes), and the rejects: (connection, 45) -> (373, 371)."""
    sent, rejects = [], {}
    for line in path.read_bytes().decode("latin-1").splitlines():
        if not (found := re.fullmatch(r"([IE])(?:(\d),)?(\d+=.*)", line)):
            continue
        which, connection = found[1], found[2] or ""
        if which == "I":
            sent.append((connection, complete(found[3])))
        elif value(answer := found[3].encode("latin-1"), 35) == "3":
            reason = int(value(answer, 373) or -1)  # FIX 4.2 has no word for some of them
            rejects[connection, value(answer, 45)] = reason, int(value(answer, 371) or 0)
    return sent, rejects


@pytest.mark.parametrize(("folder", "version"), [("fix42", "FIX42"), ("fix44", "FIX44")])
def test_a_conformance_scripts_rejects_are_ours(folder: str, version: str) -> None:
    core = load(version).core
    scripts = sorted(shared(f"fix/definitions/{folder}").glob("*.def"))
    assert len(scripts) > 50
    seen: Counter[str] = Counter()
    for path in scripts:
        sent, rejects = script(path)
        for connection, message in sent:
            outcome, reason, tag, _, what = core.validate(message)
            expected = rejects.get((connection, value(message, 34)))
            place = f"{path.name}: {message!r}: {outcome} {reason} {tag} {what}"
            if path.stem in IGNORED:
                seen["ignored"] += outcome != 0
            elif expected is None or expected in SESSION:
                assert outcome == 0, place
                seen["passed"] += 1
            else:
                assert outcome == 2, place
                assert expected[0] in (reason, -1), place
                # A tag that is no number has none here (the session copies its text).
                assert tag == max(expected[1], 0), place
                seen["rejected"] += 1
    # 2d and 3c send two each, 2m two, 2t two, 3b two, 1d one each; 2i two.
    assert seen["ignored"] == 14
    assert seen["rejected"] >= 29
    assert seen["passed"] > 200


def test_names_that_a_script_does_not_expect_are_rejected_once_they_are_told() -> None:
    core = load("FIX44").core.expecting("TW44", "ISLD")
    sent, rejects = script(shared("fix/definitions/fix44/2k_CompIDDoesNotMatchProfile.def"))
    answers = {value(message, 34): core.validate(message)[1] for _, message in sent}
    assert (9, 0) in rejects.values()
    assert any(answers[number] == 9 for _, number in rejects)
