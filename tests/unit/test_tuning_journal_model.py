"""Any tunings, crashes and foreign changes in any order, held against a slow model of the promise.

The model does not know the journal. It sees who wrote or was about to write what to the host, and
says what must stand there after the next restore that comes to its end:

  a value that is ours goes, for the value that stood there before we first wrote;
  a value that is neither ours nor the one before is somebody else's and stays;
  what a host rounds counts as ours from the crash of an apply that meant to write it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake_kernel import (
    Killed,
    Plain,
    Rounding,
    change,
    dies_at,
    install_kinds,
    raises_killed,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.tuning.apply import apply
from harness.tuning.host import Host
from harness.tuning.journal import Journal
from harness.tuning.knobs.base import Op
from harness.tuning.owner import myself
from harness.tuning.restore import restore

PLAIN = ("/proc/sys/a", "/proc/sys/b", "/proc/sys/c")
ROUNDED = "/proc/sys/pages"
NAMES = (*PLAIN, ROUNDED)
MOST_PAGES = 3

Cut = tuple[str, int]  # "step" k; "line" k: the k-th write to the journal is cut off in the middle


@dataclass(frozen=True)
class Apply:
    wants: tuple[tuple[str, str], ...]
    cut: Cut | None


@dataclass(frozen=True)
class Restore:
    cut: Cut | None
    force: bool


@dataclass(frozen=True)
class Foreign:
    name: str
    value: str


Action = Apply | Restore | Foreign

cuts = st.none() | st.tuples(st.sampled_from(("step", "line")), st.integers(0, 24))
wants = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from("0123456")),
    min_size=1,
    max_size=4,
    unique_by=lambda wish: wish[0],
).map(tuple)
actions = st.lists(
    st.builds(Apply, wants, cuts)
    | st.builds(Restore, cuts, st.booleans())
    | st.builds(Foreign, st.sampled_from(NAMES), st.sampled_from("0123")),
    max_size=8,
)


class Values(Host):
    """A host in memory that keeps a diary of what is written to it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.values = dict.fromkeys(NAMES, "0")
        self.diary: list[tuple[str, str]] = []

    def read(self, name: str) -> str:
        return self.values[name]

    def write(self, name: str, text: str) -> None:
        self.diary.append((name, text))
        self.values[name] = kept(name, text)


def kept(name: str, text: str) -> str:
    return str(min(int(text), MOST_PAGES)) if name == ROUNDED else text


@dataclass
class Known:
    """What the model knows of a setting that we may have changed."""

    before: str
    ours: set[str] = field(default_factory=set)
    is_unsure: bool = False
    is_left: bool = False


class Model:
    def __init__(self) -> None:
        self.values = dict.fromkeys(NAMES, "0")
        self.known: dict[str, Known] = {}

    def live(self, name: str) -> Known | None:
        known = self.known.get(name)
        return None if known is None or known.is_left else known

    def apply(self, asked: Apply, diary: list[tuple[str, str]], steps: list[str]) -> None:
        planned = {n for n, want in asked.wants if self.values[n] != want or n == ROUNDED}
        is_seen = "after seen" in steps
        for name in planned if is_seen else ():
            if not self.live(name):
                self.known.pop(name, None)  # what was left to another starts anew
        if is_seen and ROUNDED in planned:
            self.known.setdefault(ROUNDED, Known(self.values[ROUNDED], is_unsure=True))
        for name in _meant("before writing", steps):
            if not self.live(name):
                self.known[name] = Known(self.values[name])
            self.known[name].ours.add(dict(asked.wants)[name])
            self.known[name].is_unsure = True
        for name, value in diary:
            self.values[name] = kept(name, value)
        if ROUNDED in _meant("after outcome", steps):
            self.known[ROUNDED].is_unsure = False
            self.known[ROUNDED].ours |= {self.values[ROUNDED]} - {self.known[ROUNDED].before}

    def cut_restore(self, diary: list[tuple[str, str]], steps: list[str]) -> None:
        self.values.update(diary)
        for name in _meant("before putting back", steps):
            self.known[name].is_unsure = True

    def restore(self, force: bool) -> set[str]:
        """What is somebody else's."""
        foreign: set[str] = set()
        has_written = any(known.ours for known in self.known.values())
        for name, known in list(self.known.items()):
            now = self.values[name]
            is_ours = now in known.ours
            if name == ROUNDED and known.is_unsure:
                is_ours = has_written
            if not known.ours and not (known.is_unsure and has_written):
                del self.known[name]  # never written, nor moved by one that was
            elif now == known.before or force or (is_ours and not known.is_left):
                self.values[name] = known.before
                del self.known[name]
            else:
                known.is_left = True
                foreign.add(name)
        return foreign


def _meant(what: str, steps: list[str]) -> list[str]:
    """Settings about which a step was taken; who died before a write may have written or not."""
    return [step.rpartition(":")[2] for step in steps if step.startswith(what)]


@contextmanager
def torn(at: int | None) -> Iterator[None]:
    """The process dies in the `at`-th write to the journal, half a line of which is on disk."""
    real, count = os.pwrite, -1

    def pwrite(fd: int, data: bytes, offset: int) -> int:
        nonlocal count
        count += 1
        if count == at:
            real(fd, data[: len(data.split(b"\n")[0]) // 2], offset)
            raise Killed
        return real(fd, data, offset)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pwrite", pwrite)
        yield


class World:
    """The product, killed where an action says so; every action is a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.host, self.state = Values(folder), folder
        self.steps: list[str] = []

    def run(self, action: Apply | Restore) -> tuple[bool, set[str] | None]:
        """Whether it came to its end, and what it called foreign unless it was too late to say."""
        kind, k = action.cut or ("", -1)
        die = dies_at(k if kind == "step" else -1, raises_killed)
        self.steps.clear()
        self.host.diary.clear()

        def step(name: str) -> None:
            self.steps.append(name)
            die(name)

        journal = Journal.open(self.state)
        if journal is None and isinstance(action, Restore):
            return True, set()
        if journal is None:
            journal = Journal.create(self.state, owner=myself(), title="x", root=self.host.root)
        try:
            with torn(k if kind == "line" else None):
                if isinstance(action, Apply):
                    ops = [_op(name, want) for name, want in action.wants]
                    apply(ops, self.host, journal, step=step)
                    return True, set()
                done = restore(self.host, journal, force=action.force, step=step)
                return True, {item.target for item in done.items if item.state == "foreign"}
        except Killed:
            return "after closing" in self.steps, None
        finally:
            journal.close()


def _op(name: str, want: str) -> Op:
    return change(Rounding(name) if name == ROUNDED else Plain(name), want)


@pytest.fixture(autouse=True, scope="module")
def _kinds() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        install_kinds(patch)
        yield


A, PAGES = PLAIN[0], ROUNDED
FOUND = (  # what was wrong once
    [Apply(((A, "1"),), ("step", 1)), Foreign(A, "2"), Apply(((A, "2"),), None)],
    [Apply(((A, "1"),), ("step", 1)), Foreign(A, "1"), Restore(None, True)],
    [Apply(((A, "1"),), ("step", 4)), Apply(((A, "2"),), ("step", 4)), Foreign(A, "1")],
    [Apply(((A, "1"), (PAGES, "0")), None), Foreign(PAGES, "1")],
    [Foreign(PAGES, "1"), Apply(((PAGES, "0"),), ("step", 1)), Foreign(PAGES, "0")],
    [Apply(((PAGES, "3"),), ("step", 3)), Apply(((PAGES, "0"),), None), Foreign(PAGES, "3")],
    [Apply(((A, "1"),), None), Restore(("line", 0), False), Apply(((A, "0"),), ("line", 0))],
)


@pytest.mark.parametrize("program", FOUND, ids=range(len(FOUND)))
def test_what_was_wrong_once_stays_right(program: list[Action]) -> None:
    hold_against_the_model(program)


@settings(max_examples=200, deadline=None)
@given(actions)
def test_whatever_happens_the_next_restore_keeps_the_promise(program: list[Action]) -> None:
    hold_against_the_model(program)


def hold_against_the_model(program: list[Action]) -> None:
    model = Model()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        world = World(Path(folder))
        for action in [*program, Restore(None, False)]:
            if isinstance(action, Foreign):
                world.host.values[action.name] = model.values[action.name] = action.value
                continue
            came_to_its_end, foreign = world.run(action)
            if isinstance(action, Apply):
                model.apply(action, world.host.diary, world.steps)
            elif came_to_its_end:
                expected = model.restore(action.force)
                assert foreign in (None, expected)
            else:
                model.cut_restore(world.host.diary, world.steps)
            assert world.host.values == model.values
