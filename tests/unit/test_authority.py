"""What one must not do alone needs two different people, who agree to exactly that, now."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from people import People, make_people

pytest.importorskip("engine", reason="needs the compiled engine")

from engine.trade.risk import Reason
from harness import authority, overrides
from harness.approvals import Approval, read_approval, write_approval
from harness.authority import (
    HORIZON_S,
    KILL_RESET,
    RISK_OVERRIDE,
    NotAuthorised,
    Statement,
    sign,
    spend,
    verify,
)
from harness.config.loader import ConfigError
from harness.errors import HostError
from harness.overrides import MAY_OVERRIDE, Override, grant
from harness.signatures import NotSigned

ROOT = Path(__file__).parents[2]
NOW = 1_700_000_000
RESET = Statement(KILL_RESET, "global", 3, "cause is gone", NOW + 200)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return make_people(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def signed(people: People) -> Callable[[str], bytes]:
    """The reset signed by somebody, once."""
    done: dict[str, bytes] = {}

    def by(name: str) -> bytes:
        if name not in done:
            done[name] = sign(RESET, people.key(name))
        return done[name]

    return by


Signed = Callable[[str], bytes]


def test_two_people_are_two_people(people: People, signed: Signed) -> None:
    assert verify(RESET, [signed("alice"), signed("bob")], people.allowed, NOW) == ("alice", "bob")
    assert verify(RESET, [signed("bob"), signed("alice2")], people.allowed, NOW) == ("bob", "alice")


def test_a_third_signature_does_no_harm_when_it_is_good(people: People, signed: Signed) -> None:
    three = [signed("alice"), signed("alice2"), signed("carol")]
    assert verify(RESET, three, people.allowed, NOW) == ("alice", "carol")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "needs the signatures of two people, has 0"),
        (["alice"], "needs the signatures of two people, has 1"),
        (["alice", "alice"], "alice signed twice"),
        (["alice", "alice2"], "alice signed twice"),
        (["alice", "eve"], "signature 2 is by a key that is nobody's here"),
        (["alice", "bob", "eve"], "signature 3 is by a key that is nobody's here"),
        (["alice", "bob"] * 5, "needs the signatures of two people, has 10"),
    ],
)
def test_fewer_than_two_people_are_refused(
    people: People, signed: Signed, names: list[str], said: str
) -> None:
    with pytest.raises(NotAuthorised, match=said):
        verify(RESET, [signed(name) for name in names], people.allowed, NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": 4},
        {"epoch": 2},
        {"subject": "venue 1"},
        {"reason": "another"},
        {"expires_utc_s": NOW + 201},
        {"kind": authority.LIMITS_LOOSEN},
    ],
    ids=str,
)
def test_a_signature_is_good_for_one_statement_only(
    people: People, signed: Signed, change: dict[str, object]
) -> None:
    other = dataclasses.replace(RESET, **change)
    assert other.digest != RESET.digest
    with pytest.raises(NotAuthorised, match="signature 1, by a key of alice, is not good for this"):
        verify(other, [signed("alice"), signed("bob")], people.allowed, NOW)


@pytest.mark.parametrize("late_s", [0, 1, 10**6])
def test_an_expired_statement_is_refused(people: People, signed: Signed, late_s: int) -> None:
    with pytest.raises(NotAuthorised, match=f"expired {late_s} s ago"):
        verify(RESET, [signed("alice"), signed("bob")], people.allowed, NOW + 200 + late_s)


def test_it_is_good_to_the_last_second(people: People, signed: Signed) -> None:
    assert verify(RESET, [signed("alice"), signed("bob")], people.allowed, NOW + 199)


def test_a_statement_that_lives_too_long_is_refused(people: People, signed: Signed) -> None:
    early = NOW + 200 - HORIZON_S[KILL_RESET]
    assert verify(RESET, [signed("alice"), signed("bob")], people.allowed, early)
    with pytest.raises(NotAuthorised, match="expires in 301 s; at most 300 s are allowed"):
        verify(RESET, [signed("alice"), signed("bob")], people.allowed, early - 1)


def test_a_signature_for_another_purpose_is_refused(
    people: People, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(authority, "NAMESPACE", "git")
        for_git = sign(RESET, people.key("bob"))
    with pytest.raises(NotAuthorised, match="signature 2, by a key of bob, is not good"):
        verify(RESET, [signed("alice"), for_git], people.allowed, NOW)


@pytest.mark.parametrize("at", range(0, 180, 17))
def test_a_signature_with_one_letter_changed_is_refused(
    people: People, signed: Signed, at: int
) -> None:
    lines = signed("bob").splitlines()
    body = bytearray(b"".join(lines[1:-1]))
    body[at] = ord("A") if body[at] != ord("A") else ord("B")
    bad = b"\n".join([lines[0], bytes(body), lines[-1]])
    with pytest.raises(NotAuthorised):
        verify(RESET, [signed("alice"), bad], people.allowed, NOW)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"x",
        b"-----BEGIN SSH SIGNATURE-----",
        b"-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----",
        b"-----BEGIN SSH SIGNATURE-----\n!!\n-----END SSH SIGNATURE-----",
        b"-----BEGIN SSH SIGNATURE-----\n"
        + base64.b64encode(b"SSHSIG\0\0\0\1\xff\xff\xff\xff")
        + b"\n-----END SSH SIGNATURE-----",
        b"-----BEGIN SSH SIGNATURE-----\n"
        + base64.b64encode(b"SSHSIG\0\0\0\1\0\0\0\0")
        + b"\n-----END SSH SIGNATURE-----",
        b"\xff" * 100,
    ],
)
def test_what_is_no_signature_is_refused(people: People, signed: Signed, bad: bytes) -> None:
    with pytest.raises(NotAuthorised, match="signature 2: is not an SSH signature"):
        verify(RESET, [signed("alice"), bad], people.allowed, NOW)


# ---- Who may sign -------------------------------------------------------------------------------


def test_one_key_of_two_people_is_refused(people: People, signed: Signed) -> None:
    allowed = people.allow(f"alice {people.public('alice')}", f"bob {people.public('alice')}")
    with pytest.raises(ConfigError, match=r"signers:2: the key of bob is also that of alice"):
        verify(RESET, [signed("alice"), signed("alice")], allowed, NOW)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("alice,bob {key}", "not the name of one person: 'alice,bob'"),
        ("* {key}", "not the name of one person: '[*]'"),
        ("ali?e {key}", "not the name of one person"),
        ('"alice b" {key}', "not the name of one person"),
        ("-f {key}", "not the name of one person: '-f'"),
        ("alice", "has no key"),
        ("alice ssh-ed25519", "has no key"),
        ("alice ssh-ed25519 ***", "the key is not base64"),
        ("alice cert-authority {key}", "cert-authority"),
        ("# nobody", "names nobody"),
    ],
)
def test_a_file_of_signers_that_is_not_of_single_people_is_refused(
    people: People, signed: Signed, line: str, said: str
) -> None:
    allowed = people.allow(line.format(key=people.public("alice")))
    with pytest.raises(ConfigError, match=said):
        verify(RESET, [signed("alice"), signed("bob")], allowed, NOW)


def test_a_key_may_be_limited_in_time_and_purpose(people: People, signed: Signed) -> None:
    alice = f"alice {people.public('alice')}"
    both = [signed("alice"), signed("bob")]
    fine = people.allow(alice, f'bob namespaces="redline,x" {people.public("bob")}')
    assert verify(RESET, both, fine, NOW) == ("alice", "bob")
    over = people.allow(alice, f'bob valid-before="20200101" {people.public("bob")}')
    with pytest.raises(NotAuthorised, match="by a key of bob, is not good"):
        verify(RESET, both, over, NOW)
    for_git = people.allow(alice, f'bob namespaces="git" {people.public("bob")}')
    with pytest.raises(NotAuthorised, match="by a key of bob, is not good"):
        verify(RESET, both, for_git, NOW)


def test_a_file_of_signers_that_others_may_write_is_refused(people: People, signed: Signed) -> None:
    allowed = people.allow(f"alice {people.public('alice')}")
    allowed.chmod(0o666)
    with pytest.raises(NotSigned, match="others than its owner may write it"):
        verify(RESET, [signed("alice"), signed("bob")], allowed, NOW)


def test_a_file_that_is_not_there_is_named(people: People, signed: Signed, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gone: allowed_signers: no such file"):
        verify(RESET, [signed("alice"), signed("bob")], tmp_path / "gone", NOW)
    with pytest.raises(ConfigError, match="gone: key: no such file"):
        sign(RESET, tmp_path / "gone")
    with pytest.raises(ConfigError, match="key: is not a regular file"):
        sign(RESET, tmp_path)


def test_a_file_that_is_no_key_does_not_sign(tmp_path: Path, people: People) -> None:
    (tmp_path / "-n").write_text("no key\n")
    (tmp_path / "-n").chmod(0o600)
    with pytest.raises(NotSigned, match="cannot sign: "):
        sign(RESET, tmp_path / "-n")


def test_a_missing_ssh_keygen_is_named(
    people: People, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [signed("alice"), signed("bob")]
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(HostError, match="ssh-keygen: not installed"):
        verify(RESET, both, people.allowed, NOW)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "kill"}, "kind: not one of"),
        ({"subject": ""}, "subject: is empty"),
        ({"reason": "  "}, "reason: is empty"),
        ({"reason": "two\nlines"}, "reason: must be one printable line"),
        ({"reason": "\x1b[31m"}, "reason: must be one printable line"),
        ({"reason": "x" * 501}, "reason: must be one printable line"),
        ({"epoch": -1}, "epoch: not a whole number"),
        ({"epoch": True}, "epoch: not a whole number"),
        ({"epoch": 1.0}, "epoch: not a whole number"),
        ({"expires_utc_s": 1 << 63}, "expires_utc_s: not a whole number"),
    ],
    ids=str,
)
def test_a_statement_that_says_nothing_clear_is_refused(
    change: dict[str, object], said: str
) -> None:
    with pytest.raises(NotAuthorised, match=said):
        dataclasses.replace(RESET, **change)


def test_the_signed_bytes_are_canonical() -> None:
    assert RESET.to_bytes() == (
        b'{"epoch":3,"expires_utc_s":1700000200,"format":"redline-statement-1",'
        b'"kind":"kill.reset","reason":"cause is gone","subject":"global"}'
    )


# ---- Used once ----------------------------------------------------------------------------------


def test_a_statement_is_spent_once(tmp_path: Path) -> None:
    register = tmp_path / "spent"
    other = dataclasses.replace(RESET, epoch=4)
    spend(RESET, register)
    spend(other, register)
    for again in (RESET, other):
        with pytest.raises(NotAuthorised, match="was used before"):
            spend(again, register)
    assert register.read_text() == f"{RESET.digest}\n{other.digest}\n"
    assert register.stat().st_mode & 0o777 == 0o600


def test_a_register_that_is_cut_off_is_not_guessed_at(tmp_path: Path) -> None:
    register = tmp_path / "spent"
    spend(RESET, register)
    register.write_text(register.read_text()[:-3])
    with pytest.raises(NotAuthorised, match="last line is cut off"):
        spend(dataclasses.replace(RESET, epoch=9), register)


# ---- The file that goes from one to the other ---------------------------------------------------


def test_an_approval_goes_from_one_person_to_the_other(people: People, tmp_path: Path) -> None:
    path = tmp_path / "approval.json"
    write_approval(path, Approval(RESET).signed(people.key("alice")))
    write_approval(path, read_approval(path).signed(people.key("bob")))
    two = read_approval(path).check(
        kind=KILL_RESET, subject="global", epoch=3, allowed_signers=people.allowed, now=NOW
    )
    assert two == ("alice", "bob")
    assert [entry.name for entry in tmp_path.iterdir()] == ["approval.json"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"kind": RISK_OVERRIDE}, "is of kill.reset, not of risk.override"),
        ({"epoch": 4}, "is of epoch 3; now it is 4"),
        ({"subject": "venue 1"}, "is of something else: 'global', not 'venue 1'"),
    ],
    ids=str,
)
def test_an_approval_of_something_else_is_refused(
    people: People, signed: Signed, wanted: dict[str, object], said: str
) -> None:
    approval = Approval(RESET, (signed("alice"), signed("bob")))
    fine: dict[str, object] = {"kind": KILL_RESET, "subject": "global", "epoch": 3}
    with pytest.raises(NotAuthorised, match=said):
        approval.check(**{**fine, **wanted}, allowed_signers=people.allowed, now=NOW)  # type: ignore[arg-type]


def _said(**change: object) -> str:
    statement = json.loads(RESET.to_bytes())
    del statement["format"]
    said = {"format": "redline-approval-1", "statement": statement, "signatures": []}
    for key, value in change.items():
        if key in statement:
            statement[key] = value
        else:
            said[key] = value
    return json.dumps(said)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "nothing",
        "[" * 100_000,
        _said(format="redline-approval-2"),
        _said(more=1),
        _said(statement=3),
        _said(statement={"kind": KILL_RESET}),
        _said(signatures="x"),
        _said(signatures=[3]),
        _said(signatures=["ü"]),
        _said(epoch="3"),
        _said(kind="x"),
        _said(reason=3),
        _said().replace('"epoch": 3', '"epoch": 3, "epoch": 4'),
        _said(epoch=1e3),
    ],
)
def test_a_file_that_is_no_approval_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "approval.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"approval\.json: not an approval: ") as caught:
        read_approval(path)
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.exit_code == 2


def test_a_sound_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "approval.json"
    path.write_text(_said())
    assert read_approval(path) == Approval(RESET)


# ---- Overrides ----------------------------------------------------------------------------------

OVERRIDE = Override(7, Reason.QTY | Reason.COLLAR, "symbol", 4, 1, NOW + 600)


def test_an_override_is_granted_once_by_two(people: People, tmp_path: Path) -> None:
    approval = Approval(OVERRIDE.statement("unwind")).signed(people.key("alice"))
    where = {"allowed_signers": people.allowed, "register": tmp_path / "spent"}
    with pytest.raises(NotAuthorised, match="two people"):
        grant(OVERRIDE, approval, **where, now=NOW)
    approval = approval.signed(people.key("bob"))
    given = grant(OVERRIDE, approval, **where, now=NOW)
    assert given.people == ("alice", "bob")
    assert given.principals[0] != given.principals[1]
    assert 0 not in given.principals
    with pytest.raises(NotAuthorised, match="was used before"):
        grant(OVERRIDE, approval, **where, now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"number": 8},
        {"reasons": Reason.QTY},
        {"scope": "account"},
        {"index": 5},
        {"n_orders": 2},
        {"expires_utc_s": NOW + 601},
    ],
    ids=str,
)
def test_an_override_is_exactly_what_was_signed(
    people: People, tmp_path: Path, change: dict[str, object]
) -> None:
    approval = Approval(OVERRIDE.statement("unwind"))
    approval = approval.signed(people.key("alice")).signed(people.key("bob"))
    other = dataclasses.replace(OVERRIDE, **change)
    with pytest.raises(NotAuthorised, match="approval"):
        grant(
            other,
            approval,
            allowed_signers=people.allowed,
            register=tmp_path / "spent",
            now=NOW,
        )
    assert not (tmp_path / "spent").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reasons": Reason(0)}, "only R05"),
        ({"reasons": Reason.STATE}, "only R05"),
        ({"reasons": Reason.QTY | Reason.FIELD}, "only R05"),
        ({"scope": "global"}, "not one of venue, account, strategy, symbol: 'global'"),
        ({"index": -1}, "there is no symbol -1"),
        ({"index": 65535}, "there is no symbol 65535"),
        ({"n_orders": 0}, "orders: not 1 to 1000: 0"),
    ],
    ids=str,
)
def test_an_override_of_what_cannot_be_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(NotAuthorised, match=said):
        dataclasses.replace(OVERRIDE, **change)


def test_what_may_be_overridden_is_what_the_engine_says() -> None:
    source = (ROOT / "csrc/trade/risk/risk.h").read_text()
    body = re.search(r"#define RL_RISK_MAY_OVERRIDE((?:.*\\\n)+.*)", source)
    assert body is not None
    names = re.findall(r"RL_RISK_([A-Z_]+)", body[1])
    assert {Reason[name] for name in names} == set(MAY_OVERRIDE)
    assert overrides.SCOPES.keys() == {"venue", "account", "strategy", "symbol"}
