"""How many queues a card has, and what those were set to that go when it has fewer."""

from __future__ import annotations

import errno
import glob
import re
from dataclasses import dataclass
from typing import ClassVar

from harness.errors import printable
from harness.tuning.cards import NET, not_shown
from harness.tuning.ethtool import interface_name
from harness.tuning.host import Host
from harness.tuning.settings.base import Setting
from harness.tuning.settings.ethtool import EthtoolSetting

QUEUES = {"rx": ("rx",), "tx": ("tx",), "combined": ("rx", "tx"), "other": ()}
LEAVES = ("rps_cpus", "rps_flow_cnt", "xps_cpus")
_FILE = re.compile(rf"((?:rx|tx)-[0-9]{{1,5}}/(?:{'|'.join(LEAVES)}))=([0-9a-f,]{{1,4096}})")


@dataclass(frozen=True, slots=True)
class ChannelsSetting(Setting):
    """`target` is INTERFACE NAME KEPT: so many queues are there to stay, the others may go.

    A queue that goes forgets its files and comes back without. So the value is the number and, of
    the queues that may go, all that is set: `4 [tx-3/xps_cpus=8]`.
    """

    kind: ClassVar[str] = "channels"

    def __post_init__(self) -> None:
        words = self.target.split(" ")
        if len(words) != 3 or words[1] not in QUEUES or not re.fullmatch(r"[0-9]{1,10}", words[2]):
            raise ValueError(f"not an interface, queues and a number: '{self._shown()}'")
        interface_name(words[0])

    @property
    def rounds(self) -> bool:
        return True  # half of it can be written: the number without the files

    def read(self, host: Host) -> str:
        interface, name, kept = self.target.split(" ")
        number = self._number().read(host)
        files = [
            f"{queue}-{i}/{leaf}={text}"
            for queue in QUEUES[name]
            for i, leaf, text in _set(host, interface, queue)
            if i >= int(kept)
        ]
        return f"{number} [{' '.join(files)}]" if files else number

    def write(self, host: Host, value: str) -> None:
        number, files = _parse(value)
        self._number().write(host, number)
        for path, text in files:
            host.write(f"{self._folder()}/{path}", text)

    def command(self, value: str) -> str:
        number, files = _parse(value)
        lines = [self._number().command(number)]
        lines += [f"echo {text} > {self._folder()}/{path}" for path, text in files]
        return " && ".join(lines)

    def _number(self) -> EthtoolSetting:
        interface, name, _ = self.target.split(" ")
        return EthtoolSetting(f"{interface} channels {name}")

    def _folder(self) -> str:
        return f"{NET}/{self.target.split(' ')[0]}/queues"

    def _shown(self) -> str:
        return printable(self.target[:80])


def _set(host: Host, interface: str, queue: str) -> list[tuple[int, str, str]]:
    """(queue, file, text) of all that is not as it is on a new queue."""
    if not_shown(host, interface) is not None:
        return []
    found = []
    for leaf in LEAVES:
        for path in host.glob(f"{NET}/{glob.escape(interface)}/queues/{queue}-*/{leaf}"):
            number = path.split("/")[-2].partition("-")[2]
            try:
                text = host.read(path).strip()
            except OSError:
                continue  # a file that some kernels show and no queue of this kind has
            if number.isdecimal() and text.strip("0,"):
                found.append((int(number), leaf, text))
    return sorted(found)


def _parse(value: str) -> tuple[str, list[tuple[str, str]]]:
    """OSError EINVAL for what was never read here."""
    number, _, rest = value.partition(" [")
    words = rest.removesuffix("]").split()
    files = [match.groups() for match in map(_FILE.fullmatch, words) if match]
    if len(files) != len(words):
        raise OSError(errno.EINVAL, f"not what queues are set to: {value[:40]!r}")
    return number, [(path, text) for path, text in files]
