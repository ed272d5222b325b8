"""`redline limits approve` and `verify`: a looser set follows only when two signed just that."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest
from people import People, make_people

pytest.importorskip("engine", reason="needs the compiled engine")

from harness import cli
from harness.config.limits import load_limits
from harness.config.loader import ConfigError, project_data

EXAMPLE = project_data("scenarios/limits/firm.yaml")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return make_people(tmp_path_factory.mktemp("people"))


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """The example, a looser version of it, and where the approval goes."""
    text = EXAMPLE.read_text().replace(
        "universe: universe.csv", f"universe: {EXAMPLE.parent.resolve()}/universe.csv"
    )
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(text)
    new.write_text(
        text.replace("version: 1\n", "version: 2\n").replace("max_loss: 20k", "max_loss: 30k")
    )
    return old, new, tmp_path / "approval.json"


def redline(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.main(["limits", *(str(one) for one in arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_two_people_sign_what_they_have_seen(
    capsys: pytest.CaptureFixture[str], people: People, files: tuple[Path, Path, Path]
) -> None:
    allowed = ("--allowed-signers", people.allowed)
    code, out, err = redline(
        capsys, "approve", *files, "--key", people.key("alice"), "--reason", "rebalance"
    )
    assert (code, out) == (0, f"{files[2]}: signed by 1; a second person must sign\n")
    assert re.search(r"LOOSER +account +max_loss +retail 20000 -> 30000", err)
    assert "LOOSER: two people must approve it" in err
    code, _, err = redline(capsys, "verify", *files, *allowed)
    assert (code, err) == (1, "limits.loosen: needs the signatures of two people, has 1\n")

    assert redline(capsys, "approve", *files, "--key", people.key("bob"))[0] == 0
    code, out, _ = redline(capsys, "verify", *files, *allowed)
    assert (code, out) == (0, f"{files[1]}: version 2 approved by alice and bob\n")
    code, out, _ = redline(capsys, "verify", *files, *allowed, "--json")
    assert json.loads(out)["approved_by"] == ["alice", "bob"]


def test_one_person_with_two_keys_is_one_person(
    capsys: pytest.CaptureFixture[str], people: People, files: tuple[Path, Path, Path]
) -> None:
    for key in ("alice", "alice2"):
        redline(capsys, "approve", *files, "--key", people.key(key), *reason(key == "alice"))
    code, _, err = redline(capsys, "verify", *files, "--allowed-signers", people.allowed)
    assert (code, err) == (1, "limits.loosen: alice signed twice; a second person must sign\n")


def reason(is_first: bool) -> tuple[str, ...]:
    return ("--reason", "rebalance") if is_first else ()


@pytest.mark.parametrize("which", [0, 1])
def test_an_approval_is_of_these_two_sets_only(
    capsys: pytest.CaptureFixture[str],
    people: People,
    files: tuple[Path, Path, Path],
    which: int,
) -> None:
    for key in ("alice", "bob"):
        redline(capsys, "approve", *files, "--key", people.key(key), *reason(key == "alice"))
    changed = files[which]
    changed.write_text(changed.read_text().replace("max_qty: 2000", "max_qty: 2001"))
    code, _, err = redline(capsys, "verify", *files, "--allowed-signers", people.allowed)
    assert code == 1
    assert "the approval is of something else" in err
    code, _, err = redline(capsys, "approve", *files, "--key", people.key("carol"))
    assert code == 1
    assert "the approval is of something else" in err


def test_the_first_set_follows_none(
    capsys: pytest.CaptureFixture[str], people: People, files: tuple[Path, Path, Path]
) -> None:
    first = ("none", files[0], files[2])
    for key in ("alice", "bob"):
        code, _, err = redline(
            capsys, "approve", *first, "--key", people.key(key), *reason(key == "alice")
        )
        assert code == 0
        assert "the first limits, version 1" in err
    assert redline(capsys, "verify", *first, "--allowed-signers", people.allowed)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--reason: the first of the two says why"),
        (["--reason", "x", "--expires", "soon"], "--expires: not a duration"),
        (["--reason", "x", "--expires", "0s"], "--expires: must be more than zero"),
    ],
)
def test_what_the_first_must_say_is_asked_for(
    capsys: pytest.CaptureFixture[str],
    people: People,
    files: tuple[Path, Path, Path],
    arguments: list[str],
    said: str,
) -> None:
    code, out, err = redline(capsys, "approve", *files, "--key", people.key("alice"), *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(said)
    assert not files[2].exists()


def test_an_approval_that_would_live_too_long_is_refused(
    capsys: pytest.CaptureFixture[str], people: People, files: tuple[Path, Path, Path]
) -> None:
    for key in ("alice", "bob"):
        more = ("--expires", "48h") if key == "alice" else ()
        redline(capsys, "approve", *files, "--key", people.key(key), *reason(bool(more)), *more)
    code, _, err = redline(capsys, "verify", *files, "--allowed-signers", people.allowed)
    assert code == 1
    assert "at most 86400 s are allowed" in err


def test_a_version_that_does_not_grow_is_refused(
    capsys: pytest.CaptureFixture[str], people: People, files: tuple[Path, Path, Path]
) -> None:
    code, _, err = redline(
        capsys, "approve", files[1], files[0], files[2], "--key", people.key("alice")
    )
    assert code == 2
    assert err.startswith(f"{files[0]}: version: 1 is not above 2")


# ---- Files that nobody wrote --------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_no_damage_to_a_file_ends_in_anything_but_lines(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    text = EXAMPLE.read_text()
    (tmp_path / "universe.csv").write_text((EXAMPLE.parent / "universe.csv").read_text())
    path = tmp_path / "limits.yaml"
    n_refused = 0
    for _ in range(60):
        damaged = list(text)
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(len(damaged))
            what = draw.choice(
                ["\n", "  ", "{", "}", ":", "[", "0", "-", "x", "\t", "'", "&a ", ""]
            )
            if draw.random() < 0.5:
                damaged[at] = what
            else:
                damaged.insert(at, what)
        path.write_text("".join(damaged))
        try:
            load_limits(path)
        except ConfigError as error:
            n_refused += 1
            for line in error.faults:
                assert line.isprintable()
                assert line.startswith(str(tmp_path))
    assert n_refused > 10
