"""A profile: what a host shall be like, as YAML that includes others.

    why: Lowest latency on a machine of one's own.
    include: [throughput]            # read first; what stands here wins over it
    require:
      cmdline: {isolcpus: "managed_irq,domain,${hot}"}   # checked and shown, never written
    knobs:
      vm.swappiness: 1
      irq.affinity: ${irq}
    nics:
      feed: {coalesce: {adaptive-rx: off, rx-usecs: 0}}
    on_unsupported: {default: warn, lease.cpu-dma-latency: fail}

`${hot}`, `${irq}` and `${housekeeping}` are lists of CPUs; the host fills them in. Cards are named
by what they do; an inventory says which interface that is.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from harness.config import strict_yaml
from harness.config.fields import Strict, Text
from harness.config.inventory import RoleName
from harness.config.loader import ConfigError, fault_line, parse, project_data, read_text
from harness.config.strict_yaml import Fault
from harness.errors import HostError, printable
from harness.tuning.knobs import CATALOGUE, knob_of
from harness.tuning.knobs.base import OnUnsupported, Roles
from harness.tuning.roles import fill_value

DEFAULT = "default"
BOOT = "boot."
NIC = "nic."
SHIPPED = "hosts/profiles"
MAX_INCLUDES = 8  # one in another
SOME_ROLES = Roles((0,), (0,), (0,))  # stand in for a host's while a value is checked

Place = tuple[str | int, ...]
Json = dict[str, Any]


class Require(Strict):
    cmdline: dict[str, str | int | None] = Field(default_factory=dict)


class ProfileFile(Strict):
    """As it is written, before includes."""

    why: Text
    include: tuple[Text, ...] = ()
    require: Require = Require()
    knobs: dict[str, Any] = Field(default_factory=dict)
    nics: dict[RoleName, dict[str, Any]] = Field(default_factory=dict)
    on_unsupported: dict[str, OnUnsupported] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Line:
    """A value and where it was written, for the sentence about it."""

    value: object
    file: str
    place: Place


@dataclass(frozen=True, slots=True)
class Profile:
    """Includes resolved; every value is one that its knob takes.

    `settings` by knob, `cards` by the role of an interface and knob; values as they were written,
    with their variables.
    """

    name: str
    path: Path
    why: str
    settings: Mapping[str, object]
    cards: Mapping[str, Mapping[str, object]]
    on_unsupported: Mapping[str, OnUnsupported]

    def wishes(self, interfaces: Mapping[str, str]) -> list[Json]:
        """What a host is asked for; `interfaces` are its cards by role.

        A role that nobody plays there asks for nothing: `unplayed` names it.
        """
        asked = [self._wish(knob, value) for knob, value in self.settings.items()]
        for role, knobs in self.cards.items():
            if role in interfaces:
                asked += [
                    self._wish(knob, value) | {"interface": interfaces[role]}
                    for knob, value in knobs.items()
                ]
        return asked

    def unplayed(self, interfaces: Mapping[str, str]) -> list[str]:
        """Roles of cards for which the host has no interface."""
        return [role for role in self.cards if role not in interfaces]

    def without(self, knob: str) -> Profile:
        """The same, less one knob: what the knob is worth is the difference."""
        return Profile(
            self.name,
            self.path,
            self.why,
            {name: value for name, value in self.settings.items() if name != knob},
            {
                role: {name: value for name, value in knobs.items() if name != knob}
                for role, knobs in self.cards.items()
            },
            self.on_unsupported,
        )

    def _wish(self, knob: str, value: object) -> Json:
        unmet = self.on_unsupported.get(knob, self.on_unsupported.get(DEFAULT, "warn"))
        return {"knob": knob, "value": value, "on_unsupported": unmet}


def profile_path(name: str) -> Path:
    """A profile file, or a shipped one by its name."""
    if name.endswith(".yaml") or "/" in name:
        return project_data(name)
    found = project_data(f"{SHIPPED}/{name}.yaml")
    if not found.exists():
        names = sorted(path.stem for path in project_data(SHIPPED).glob("*.yaml"))
        near = difflib.get_close_matches(name, names, n=1)
        hint = f", did you mean {near[0]!r}?" if near else f"; there are: {', '.join(names)}"
        raise ConfigError(f"no profile {printable(repr(name))}{hint}")
    return found


def load_profile(path: Path) -> Profile:
    """The profile with its includes; ConfigError lists what is wrong, by file and line."""
    reader = _Reader()
    why = reader.read(path, ())
    if reader.faults:
        raise ConfigError(*dict.fromkeys(reader.faults))  # one file may be included twice
    cards: dict[str, dict[str, object]] = {}
    for (role, knob), line in reader.cards.items():
        cards.setdefault(role, {})[knob] = line.value
    return Profile(
        path.stem,
        path,
        why,
        {knob: line.value for knob, line in reader.settings.items()},
        cards,
        reader.on_unsupported,
    )


class _Reader:
    def __init__(self) -> None:
        self.settings: dict[str, _Line] = {}
        self.cards: dict[tuple[str, str], _Line] = {}
        self.on_unsupported: dict[str, OnUnsupported] = {}
        self.faults: list[str] = []

    def read(self, path: Path, above: tuple[Path, ...]) -> str:
        text = read_text(path)
        file = parse(text, ProfileFile, name=str(path))
        lines = strict_yaml.parse(text)

        def fault(place: Place, said: str) -> None:
            at = Fault(lines.line_of(place), place, said)
            self.faults.append(fault_line(str(path), at))

        for i, name in enumerate(file.include):
            self._include(name, path, above, lambda said, i=i: fault(("include", i), said))
        for knob, value, place in _asked(file):
            said = _fault_of(knob, value, is_card=place[0] == "nics")
            if said:
                fault(place, said)
            elif place[0] == "nics":
                self.cards[(str(place[1]), knob)] = _Line(value, str(path), place)
            else:
                self.settings[knob] = _Line(value, str(path), place)
        for knob, decision in file.on_unsupported.items():
            if knob != DEFAULT and not _is_knob(knob):
                fault(("on_unsupported", knob), _no_knob(knob))
            self.on_unsupported[knob] = decision
        return file.why

    def _include(self, name: str, path: Path, above: tuple[Path, ...], fault: Any) -> None:
        if "/" in name or name.endswith(".yaml"):
            found = project_data(name, beside=path)
        else:  # one beside this, or one that comes along
            beside = path.parent / f"{name}.yaml"
            found = beside if beside.is_file() else project_data(f"{SHIPPED}/{name}.yaml")
        chain = (*above, path.resolve())
        if found.resolve() in chain:
            fault(f"includes itself: {printable(repr(name))}")
        elif len(chain) > MAX_INCLUDES:
            fault(f"more than {MAX_INCLUDES} profiles, one in another")
        elif not found.is_file():
            fault(f"no such profile: {printable(repr(name))}")
        else:
            self.read(found, chain)


def _asked(file: ProfileFile) -> Iterator[tuple[str, object, Place]]:
    """(knob, value, where it stands) of everything a file asks for."""
    for argument, value in file.require.cmdline.items():
        yield f"{BOOT}{argument}", "" if value is None else value, ("require", "cmdline", argument)
    for knob, value in file.knobs.items():
        yield knob, value, ("knobs", knob)
    for role, knobs in file.nics.items():
        for knob, value in knobs.items():
            yield f"{NIC}{knob}", value, ("nics", role, knob)


def _fault_of(knob: str, value: object, *, is_card: bool) -> str:
    """What is wrong with asking this; empty when nothing is."""
    if not _is_knob(knob):
        return _no_knob(knob)
    if knob.startswith(NIC) and not is_card:
        return "is about a card: it stands below nics, under the role of an interface"
    try:
        knob_of(knob).parse(fill_value(value, SOME_ROLES))
    except (ValueError, HostError) as error:
        return str(error).removeprefix(f"{knob}: ")
    return ""


def _is_knob(name: str) -> bool:
    try:
        knob_of(name)
    except KeyError:
        return False
    return True


def _no_knob(name: str) -> str:
    near = difflib.get_close_matches(name, CATALOGUE, n=1, cutoff=0.6)
    return f"no such knob{f', did you mean {near[0]!r}?' if near else ''}"
