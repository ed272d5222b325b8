"""Network cards: what they are, how they are attached, and how they are set.

Of physical cards that are up, by interface. A name is kept as the host has it, whatever characters
it holds; a card whose name no command could take is only named. A card that has not what is asked
for is left out of that table.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping

from harness.tuning import cards, management
from harness.tuning.facts.base import Look, Read, Readers, chosen, number, plain, signed, table
from harness.tuning.tree import Absent

NET = "/sys/class/net"
MAX_CARDS = 512  # what the virtual functions of a few cards come to
LINK_WORDS = ("speed", "width")

_Text = Callable[[Look, str], str]


def _is_up_and_physical(look: Look, name: str) -> bool:
    folder = f"{NET}/{name}"
    return (
        look.has(f"{folder}/device")
        and look.has(f"{folder}/operstate")
        and look.text(f"{folder}/operstate") == "up"
    )


def _names(look: Look, source: str) -> list[str]:
    found = [name for name in look.names(source) if _is_up_and_physical(look, name)]
    if len(found) > MAX_CARDS:
        raise Absent(f"more than {MAX_CARDS} cards")
    return found


def _protected(look: Look, source: str) -> list[str]:
    """Interfaces by which this host is reached, and what they are made of."""
    if look.by_files:
        look.names(NET)
        of_files = management.protected(management.recorded(look))
        if not look.host.is_this_machine:
            return sorted(of_files)
    return sorted(management.read_protected(look.host))


def _each(read: _Text) -> Read:
    """What a card says, by interface. Absent when none does, with the reason of the first."""

    def tabled(look: Look, source: str) -> dict[str, str]:
        found: dict[str, str] = {}
        why = "no physical card is up"
        for name in reversed(_names(look, NET)):
            try:
                _require_shown(look, name)
                found[name] = plain(read(look, name))
            except Absent as reason:
                why = str(reason)
            except ValueError as error:  # no name for an interface
                why = str(error)
            except OSError as error:
                why = (error.strerror or str(error)).lower()
        return table(((name, found[name]) for name in sorted(found)), why)

    return tabled


def _require_shown(look: Look, name: str) -> None:
    """Absent when /sys tells of a card of that name in another network namespace."""
    why = look.once(f"card {name}", lambda: cards.not_shown(look.host, name))
    if why is not None:
        raise Absent(why)


def _shown(values: Mapping[str, str], names: tuple[str, ...]) -> str:
    """'rx-usecs=0 rx-frames=1': those of the names that are there."""
    text = " ".join(f"{name}={values[name]}" for name in names if name in values)
    if not text:
        raise Absent("the driver has none of it")
    return text


def _words(group: str, *names: str) -> Read:
    """Values of a group of ethtool; all of it without names."""

    def read(look: Look, name: str) -> str:
        values = look.host.ethtool.get(name, group)
        return _shown(values, names or tuple(values))

    return _each(read)


def _of_most(group: str) -> Read:
    """Values beside the most that is possible: 'rx=512/4096'; what is not there is left out."""

    def read(look: Look, name: str) -> str:
        values = look.host.ethtool.get(name, group)
        pairs = {
            key: f"{value}/{values[f'{key}-max']}"
            for key, value in values.items()
            if values.get(f"{key}-max", "0") != "0"
        }
        return _shown(pairs, tuple(pairs))

    return _each(read)


def _driver(look: Look, name: str) -> str:
    values = look.host.ethtool.get(name, "driver")
    return f"{values['driver']} {values.get('version', '')}".strip()


def _driver_value(key: str) -> Read:
    def read(look: Look, name: str) -> str:
        value = look.host.ethtool.get(name, "driver").get(key, "")
        if not value:
            raise Absent(f"the driver does not tell {key}")
        return value

    return _each(read)


def _features(look: Look, name: str) -> str:
    """The short names of ethtool -K, and merging by the card itself, which has none."""
    values = dict(look.host.ethtool.get(name, "offloads"))
    with contextlib.suppress(OSError, KeyError):
        values["rx-gro-hw"] = look.host.ethtool.get(name, "features")["rx-gro-hw"].split()[0]
    return _shown(values, tuple(values))


def _timestamps(look: Look, name: str) -> str:
    return look.host.ethtool.get(name, "timestamps").get("capabilities", "")


def _node(look: Look, name: str) -> str:
    return str(signed(look, f"{NET}/{name}/device/numa_node"))


def _pcie(look: Look, name: str) -> str:
    """'16.0 GT/s x16 of 16.0 GT/s x16': as it trained, and what it could be."""
    links = []
    for which in ("current", "max"):
        speed, width = (
            plain(look.text(f"{NET}/{name}/device/{which}_link_{word}")) for word in LINK_WORDS
        )
        links.append(f"{speed.removesuffix(' PCIe')} x{number(width)}")
    return " of ".join(links)


def _queues(look: Look, name: str) -> str:
    folder = f"{NET}/{name}/queues"
    return " ".join(f"{way}={len(look.numbered(folder, f'{way}-'))}" for way in ("rx", "tx"))


def _irqs(look: Look, name: str) -> str:
    """Numbers of its interrupts that are in use."""
    irqs = cards.irqs_of(look.host, name)
    for irq in irqs:
        look.there[f"{NET}/{name}/device/msi_irqs/{irq}"] = True
    return " ".join(irqs)


def _hardware_clocks(look: Look, source: str) -> dict[str, str]:
    """The clock of every interface whose card has one for time stamps."""
    return {
        name: ", ".join(look.names(f"{source}/{name}/device/ptp"))
        for name in look.names(source)
        if look.has(f"{source}/{name}/device/ptp")
    }


COALESCE = (
    *("adaptive-rx", "adaptive-tx", "rx-usecs", "rx-frames", "rx-usecs-irq", "rx-frames-irq"),
    *("tx-usecs", "tx-frames", "tx-usecs-irq", "tx-frames-irq"),
)

READERS: Readers = {
    "nic.names": (NET, _names),
    "nic.protected": ("rtnetlink(7)", _protected),
    "nic.driver": ("ethtool -i", _each(_driver)),
    "nic.firmware": ("ethtool -i", _driver_value("firmware-version")),
    "nic.bus": ("ethtool -i", _driver_value("bus-info")),
    "nic.link": ("ethtool", _words("link")),
    "nic.rings": ("ethtool -g", _of_most("rings")),
    "nic.channels": ("ethtool -l", _of_most("channels")),
    "nic.coalesce": ("ethtool -c", _words("coalesce", *COALESCE)),
    "nic.features": ("ethtool -k", _each(_features)),
    "nic.pause": ("ethtool -a", _words("pause")),
    "nic.eee": ("ethtool --show-eee", _words("eee")),
    "nic.timestamps": ("ethtool -T", _each(_timestamps)),
    "nic.numa_node": (f"{NET}/*/device/numa_node", _each(_node)),
    "nic.pcie": (f"{NET}/*/device/*_link_*", _each(_pcie)),
    "nic.queues": (f"{NET}/*/queues", _each(_queues)),
    "nic.irqs": (f"{NET}/*/device/msi_irqs", _each(_irqs)),
    "network.hardware_clocks": (NET, _hardware_clocks),
    "pcie.aspm": ("/sys/module/pcie_aspm/parameters/policy", chosen),
}
