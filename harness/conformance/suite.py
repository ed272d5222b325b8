"""Many scripts: found, played one after the other, each against a server of its own, added up."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.market.dictionary import Checks, Dictionary
from engine.session import FixSession, Precision, SessionConfig
from harness.conformance.compare import find_patterns
from harness.conformance.echo import EchoApplication
from harness.conformance.play import START_NS, Failure, Outcome, play
from harness.conformance.script import Kind, Script, ScriptError, read_script
from harness.conformance.server import AcceptorServer, InitiatorServer, Server
from harness.conformance.versions import VERSIONS, Shelf, Version, candidates
from harness.errors import RedlineError

SERVER = "ISLD"  # our name in the scripts
# Log on to the version that their script is for; the second may leave values out.
ANY_CLIENT, LAX_CLIENT = "TW", "NO_CHECK_FIELDS_HAVE_VALUES"
# Scripts of what no engine does yet; played when their folder is named itself.
ASIDE = "future"

STORE_BYTES, STORE_MESSAGES = 1 << 18, 1 << 11


@dataclass(frozen=True, slots=True)
class Result:
    """A script and what became of it."""

    path: Path
    version: str
    outcome: Outcome
    seconds: float

    @property
    def passed(self) -> bool:
        return self.outcome.failure is None

    def line(self) -> str:
        """FILE:LINE: what failed, or that it passed."""
        failure = self.outcome.failure
        if failure is None:
            return f"{self.path}: passed"
        return f"{self.path}:{failure.line}: {failure.what}"


@dataclass(frozen=True, slots=True)
class Report:
    """Of a run; `aside` are scripts that were found and not played: of another version, or of what
    no engine does yet."""

    results: tuple[Result, ...]
    aside: tuple[Path, ...]
    seconds: float

    @property
    def n_passed(self) -> int:
        return sum(result.passed for result in self.results)

    @property
    def n_failed(self) -> int:
        return len(self.results) - self.n_passed

    @property
    def virtual_s(self) -> float:
        return sum(result.outcome.virtual_s for result in self.results)


def find_scripts(places: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Scripts of files and folders, each once: those to be played, and those left aside."""
    found: dict[Path, None] = {}
    aside: dict[Path, None] = {}
    for place in places:
        if place.is_file():
            found[place] = None
            continue
        if not place.is_dir():
            raise RedlineError(f"{place}: no such file or directory")
        before = len(found) + len(aside)
        for path in _below(place):
            later = ASIDE in path.relative_to(place).parts[:-1]
            (aside if later else found)[path] = None
        if len(found) + len(aside) == before:
            raise RedlineError(f"{place}: no scripts: nothing in it or below is named *.def")
    return list(found), [path for path in aside if path not in found]


def run_suite(
    scripts: Sequence[Path],
    *,
    shelf: Shelf,
    version: Version | None = None,
    aside: Sequence[Path] = (),
    on_result: Callable[[Result], None] = lambda result: None,
) -> Report:
    """Plays all, or those of a version. RedlineError when a dictionary is missing or no good."""
    started = time.perf_counter()
    bench = Bench(shelf)
    results, others = [], list(aside)
    for path in scripts:
        result = bench.play(path, version)
        if result is None:
            others.append(path)
            continue
        results.append(result)
        on_result(result)
    return Report(tuple(results), tuple(others), time.perf_counter() - started)


@dataclass(slots=True)
class Bench:
    """Servers for scripts; a dictionary is read once."""

    shelf: Shelf
    _dictionaries: dict[str, Dictionary] = field(default_factory=dict)

    def play(self, path: Path, version: Version | None = None) -> Result | None:
        """One script; None when it is for another version than the one that is wanted."""
        started = time.perf_counter()
        name = ""
        try:
            script = read_script(path)
            possible = candidates(script)
            if version is not None and possible and version not in possible:
                return None
            if version is None and not possible:
                raise ScriptError(f"{path}:1: no FIX version that is known: --version names one")
            chosen = version or possible[0]
            name = chosen.name
        except (ScriptError, OSError) as error:
            outcome = Outcome(_unreadable(path, error), 0, 0, 0.0)
        else:
            outcome = play(script, self.server(script, chosen), find_patterns(path.parent))
        return Result(path, name, outcome, time.perf_counter() - started)

    def server(self, script: Script, version: Version) -> Server:
        """What the script talks to: an acceptor, or what connects to it."""
        if script.is_initiator:
            return self._initiator(script, version)
        clients = dict.fromkeys(script.values(49))
        wanted = dict.fromkeys((version.client, ANY_CLIENT, LAX_CLIENT), version)
        # Others that it speaks of too, if they have a dictionary.
        for other in VERSIONS.values():
            if other.client in clients and self._has(other):
                wanted[other.client] = other
        return AcceptorServer(dict(self._session(c, v) for c, v in wanted.items()))

    def dictionary(self, version: Version) -> Dictionary:
        if version.name not in self._dictionaries:
            path, transport = self.shelf.paths(version)
            try:
                loaded = Dictionary.load(path, transport, checks=CHECKS)
                _ = loaded.core  # what is wrong with it is found now
            except ValueError as error:
                raise RedlineError(str(error).splitlines()[0]) from None
            self._dictionaries[version.name] = loaded
        return self._dictionaries[version.name]

    def _has(self, version: Version) -> bool:
        try:
            self.shelf.paths(version)
        except RedlineError:
            return False
        return True

    def _session(self, client: str, version: Version) -> tuple[FixSession, EchoApplication]:
        dictionary = self.dictionary(version)
        config = SessionConfig(
            begin_string=version.begin_string,
            sender=SERVER,
            target=client,
            dictionary=dictionary,
            appl_ver_id=version.appl_ver_id,
            reset_on_logon=True,
            allows_empty=client == LAX_CLIENT,
            store_bytes=STORE_BYTES,
            store_messages=STORE_MESSAGES,
        )
        return FixSession(config, now=START_NS), EchoApplication(dictionary)

    def _initiator(self, script: Script, version: Version) -> Server:
        """As the Logon that the script expects says: names, heartbeat, decimals of times."""
        dictionary = self.dictionary(version)
        first = {tag: script.values(tag, Kind.EXPECT)[:1] for tag in (49, 56, 52, 108)}
        heartbeat = "".join(first[108])
        config = SessionConfig(
            begin_string=version.begin_string,
            sender="".join(first[49]) or SERVER,
            target="".join(first[56]) or version.client,
            dictionary=dictionary,
            appl_ver_id=version.appl_ver_id,
            is_initiator=True,
            precision=Precision.MILLIS if "." in "".join(first[52]) else Precision.SECONDS,
            heartbeat_s=int(heartbeat) if heartbeat.isdecimal() and len(heartbeat) < 6 else 0,
            store_bytes=STORE_BYTES,
            store_messages=STORE_MESSAGES,
        )
        return InitiatorServer(FixSession(config, now=START_NS), EchoApplication(dictionary))


CHECKS = Checks()


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(place) / name for name in sorted(files) if name.endswith(".def"))


def _unreadable(path: Path, error: ScriptError | OSError) -> Failure:
    if isinstance(error, OSError):
        return Failure(1, (error.strerror or str(error)).lower())
    number, _, what = str(error).removeprefix(f"{path}:").partition(": ")
    return Failure(int(number), what)
