"""Kinds of knobs that are about one interface, and set what its card or the kernel keeps of it.

An interface that must not be touched (the way to this machine) keeps what it has: the plan shows
what would change, and why it does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.errors import printable
from harness.tuning import ethtool_abi as abi
from harness.tuning.ethtool import OFFLOADS, features_of, interface_name
from harness.tuning.knobs.base import Knob, Op, Scope, State, Target, Value, Wish
from harness.tuning.settings.base import Setting
from harness.tuning.settings.channels import ChannelsSetting
from harness.tuning.settings.ethtool import EthtoolSetting
from harness.tuning.settings.link import LinkSetting

_FEATURE = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NicKnob(Knob):
    """A knob of one interface."""

    def available(self, scope: Scope, wish: Wish) -> str | None:
        if not wish.interface:
            return "it is about an interface, and none is named"
        try:
            interface_name(wish.interface)
        except ValueError as error:
            return str(error)
        return None

    def target(self, scope: Scope, wish: Wish, setting: Setting, want: str) -> Target:
        """With the reason why the interface must not be touched, when there is one."""
        why = scope.protected.get(wish.interface)
        return Target(setting, want, f"{wish.interface} {why}" if why else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class CardKnob(NicKnob):
    """Numbers and switches of one group of ethtool."""

    group: str

    def parse(self, value: object) -> Value:
        words = abi.WORDS[self.group]
        names = [
            name
            for name in words.names
            if name and name not in words.shown and not name.endswith("-max")
        ]
        return {
            name: _switch(name, one) if name in words.switches else self._number(name, one)
            for name, one in _table(value, names).items()
        }

    def _number(self, name: str, value: object) -> str:
        if value == "max" and f"{name}-max" in abi.WORDS[self.group].names:
            return "max"
        return number_of(name, value)

    def targets(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        now = scope.host.ethtool.get(wish.interface, self.group)
        found = []
        for name, want in _in_order(_values(wish)):
            wanted = now.get(f"{name}-max", want) if want == "max" else want
            setting = self.setting(wish.interface, name, wanted)
            found.append(self.target(scope, wish, setting, wanted))
        return found

    def setting(self, interface: str, name: str, want: str) -> Setting:
        return EthtoolSetting(f"{interface} {self.group} {name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelsKnob(CardKnob):
    """The number of queues; those that go take along what they were set to."""

    group: str = "channels"

    def setting(self, interface: str, name: str, want: str) -> Setting:
        if want == "max":  # of what the card has not
            return EthtoolSetting(f"{interface} {self.group} {name}")
        return ChannelsSetting(f"{interface} {name} {want}")


def _in_order(values: Mapping[str, str]) -> list[tuple[str, str]]:
    """What a card decides by itself is switched off before it is set, and switched on after.

    The rest stays in the order in which it was asked for: some drivers take two values only one
    way round.
    """

    def rank(item: tuple[str, str]) -> int:
        is_automatic = item[0] in ("adaptive-rx", "adaptive-tx", "autoneg")
        return 1 if not is_automatic else 0 if item[1] == "off" else 2

    return sorted(values.items(), key=rank)


@dataclass(frozen=True, slots=True, kw_only=True)
class OffloadsKnob(NicKnob):
    """Work that a card or the kernel does for many packets at once, by its ethtool -K name."""

    def parse(self, value: object) -> Value:
        return {name: _switch(name, one) for name, one in _table(value, ()).items()}

    def targets(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        now = scope.host.ethtool.get(wish.interface, "features")
        fixed = scope.host.ethtool.fixed(wish.interface)
        found: dict[str, Target] = {}
        for name, want in _foundations_last(_values(wish)):
            features = features_of(name, now) if name in OFFLOADS else [name]
            can = [one for one in features if one not in fixed]
            for feature in can or features or [name]:
                setting = EthtoolSetting(f"{wish.interface} features {feature}")
                found[feature] = self.target(scope, wish, setting, want)
        return list(found.values())

    def plan(self, scope: Scope, wish: Wish) -> list[Op]:
        ops = NicKnob.plan(self, scope, wish)
        if all(op.state is State.UNSUPPORTED for op in ops):
            return ops
        fixed = scope.host.ethtool.fixed(wish.interface)
        return [
            replace(op, state=State.UNSUPPORTED, why="fixed by the driver")
            if op.state in (State.CHANGE, State.DENIED) and op.target.split(" ")[-1] in fixed
            else op
            for op in ops
        ]


def _foundations_last(values: Mapping[str, str]) -> list[tuple[str, str]]:
    """What others rest on is switched off after them and on before them.

    Else the kernel takes the others along, and what they were before is not seen any more.
    """

    def rank(item: tuple[str, str]) -> tuple[bool, int]:
        name, want = item
        depth = next((i for i, one in enumerate(OFFLOADS) if one == name), 0)
        return want == "off", depth if want == "off" else -depth

    return sorted(values.items(), key=rank)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkKnob(NicKnob):
    """A number of an interface, of whatever kind it is."""

    name: str
    least: int
    most: int

    def parse(self, value: object) -> Value:
        text = number_of(self.name, value)
        if not self.least <= int(text) <= self.most:
            raise ValueError(f"{self.name}: not from {self.least} to {self.most}: {text}")
        return text

    def targets(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        setting = LinkSetting(f"{wish.interface} {self.name}")
        return [self.target(scope, wish, setting, str(wish.value))]


def _values(wish: Wish) -> Mapping[str, str]:
    assert isinstance(wish.value, Mapping), "parse() made it"
    return wish.value


def _table(value: object, names: Sequence[str]) -> dict[str, object]:
    """A table of the names that there are; any that a feature can have when none is given."""
    wanted = f"a table of {', '.join(names or ('gro', 'lro', 'tso', '...'))}"
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"not {wanted}: {shown(value)}")
    found: dict[str, object] = {}
    for key, one in value.items():
        name = str(key).replace("_", "-") if names else str(key)
        if (names and name not in names) or not _FEATURE.fullmatch(name):
            raise ValueError(f"{shown(key)}: no such value: not in {wanted}")
        found[name] = one
    return found


def _switch(name: str, value: object) -> str:
    if isinstance(value, bool):
        return abi.on_off(value)  # YAML has on and off for words of its own
    if value not in ("on", "off"):
        raise ValueError(f"{name}: neither on nor off: {shown(value)}")
    return str(value)


def number_of(name: str, value: object) -> str:
    """A number of 32 bits. ValueError."""
    try:
        return str(abi.number("" if isinstance(value, bool) else str(value)))
    except OSError:
        raise ValueError(f"{name}: not a number: {shown(value)}") from None


def shown(value: object) -> str:
    return f"'{printable(str(value)[:40])}'"
