"""A host in files: all that its facts are read from, to be read again where the host is not.

What a bug report or a test needs is written, and no more. Nothing that names a person or a machine
is: no environment, no serial number, no name of a process but those that facts are about. The name
of the host, boot id, addresses of cards, UUIDs and other long numbers are replaced by others that
are the same throughout one record and different in the next.

Everything is read before the first file is written.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.errors import RedlineError
from harness.tuning.ethtool import GROUPS
from harness.tuning.facts import tools
from harness.tuning.facts.base import CPUINFO, STATUS, Look
from harness.tuning.facts.catalogue import facts_of
from harness.tuning.facts.clock import RECORDED, asked_clock
from harness.tuning.facts.memory import EVENTS
from harness.tuning.facts.nic import NET
from harness.tuning.facts.tasks import SERVICES, task_of
from harness.tuning.host import Host
from harness.tuning.lock import PRODUCTION
from harness.tuning.tree import Absent

HOST_NAME = "recorded"

_MAC = re.compile(r"\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b", re.IGNORECASE)
_LONG = re.compile(r"\b[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12,}\b", re.IGNORECASE)
_SECRET = re.compile(
    r"(?<!\S)(ip|[\w.-]*(?:passw|passphrase|secret|token|cred|iscsi|nfsroot|luks|\bkey)[\w.-]*)=\S+",
    re.IGNORECASE,
)


class _Disguise:
    """Other names for what identifies a machine, the same for the same throughout."""

    def __init__(self) -> None:
        self._salt = secrets.token_bytes(16)

    def text(self, text: str) -> str:
        return _LONG.sub(self._long, _MAC.sub(self._mac, text))

    def _digits(self, text: str) -> str:
        return hashlib.sha256(self._salt + text.lower().encode()).hexdigest()

    def _mac(self, match: re.Match[str]) -> str:
        """One that is locally administered, so that no maker ever gave it to a card."""
        if set(match[0]) <= set("0:") or set(match[0].lower()) <= set("f:"):
            return match[0]
        digits = self._digits(match[0])
        return ":".join(["02", *(digits[i : i + 2] for i in range(0, 10, 2))])

    def _long(self, match: re.Match[str]) -> str:
        if set(match[0]) <= set("0-"):  # of all addresses the one that is nobody's
            return match[0]
        digits = iter(self._digits(match[0]) * 4)
        return "".join(next(digits) if c.isalnum() else c for c in match[0])


def record(host: Host, directory: Path) -> int:
    """Write the host below a new directory; how many files. RedlineError when that cannot be."""
    files, folders = record_of(host)
    try:
        directory.mkdir(parents=True)
    except OSError as error:
        raise _unwritable(directory, error) from None
    try:
        for name in folders:
            (directory / name).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n" if text else "", encoding="utf-8", errors="replace")
    except OSError as error:
        shutil.rmtree(directory, ignore_errors=True)  # no half of a record is left
        raise _unwritable(directory, error) from None
    return len(files)


def _unwritable(directory: Path, error: OSError) -> RedlineError:
    why = (error.strerror or str(error)).lower()
    return RedlineError(f"{directory}: cannot be written: {why}")


def record_of(host: Host) -> tuple[dict[str, str], list[str]]:
    """(text by name of the file, folders that are there), without what is secret."""
    look = Look(host, by_files=True)
    facts = facts_of(look)
    release = facts["kernel.release"].value
    disguise = _Disguise()
    files: dict[str, str] = {}
    for name, text in look.texts.items():
        if isinstance(text, str) and (kept := _kept_of(name, text)) is not None:
            files[name] = disguise.text(kept)
    if tools.CONFIG_GZ in files:  # what was packed there is text here
        files[f"/boot/config-{release}"] = files.pop(tools.CONFIG_GZ)
    cards = facts["nic.names"].value
    for interface in map(str, cards if isinstance(cards, list) else []):
        if card := _card(host, interface):
            files[f"/ethtool/{interface}.json"] = disguise.text(json.dumps(card, indent=1))
    with contextlib.suppress(Absent):
        if host.is_this_machine:
            files[RECORDED] = "\n".join(f"{k}: {n}" for k, n in asked_clock().items())
    empty, folders = _entries(look, files)

    def below(name: str) -> str:
        return disguise.text(name).lstrip("/")

    return (
        {below(name): text for name, text in (files | empty).items()},
        [below(name) for name in folders],
    )


def _kept_of(name: str, text: str) -> str | None:
    """What of a file is recorded; None for nothing."""
    keep = _KEPT.get(name)
    if keep is None:
        keep = next((k for pattern, k in _KEPT_LIKE if re.fullmatch(pattern, name)), _all)
    return keep(text)


def _all(text: str) -> str:
    return text


def _said(text: str) -> Callable[[str], str]:
    """Something else, whatever is there."""
    return lambda _: text


def _first_cpu(text: str) -> str:
    """Nothing is read of the others."""
    return _lines(r"^(vendor_id|cpu family|model|model name|stepping|microcode|flags)\s*:")(
        text.partition("\n\n")[0]
    )


def _lines(pattern: str) -> Callable[[str], str]:
    """Lines in which the pattern is found."""
    found = re.compile(pattern)
    return lambda text: "\n".join(line for line in text.splitlines() if found.search(line))


def _command_line(text: str) -> str:
    """Arguments of the kernel; what stands behind -- is for the first program."""
    return _SECRET.sub(r"\1=...", text.split(" -- ")[0])


def _task(text: str) -> str | None:
    """Kernel threads, and the services that facts are about, without what they do."""
    try:
        task = task_of(text)
    except Absent:
        return None
    if not task.is_kernel and task.name not in SERVICES:
        return None
    return f"{task.pid} ({task.name}) S 0 0 0 0 -1 {task.flags} 0"


def _own_control_groups(text: str) -> str:
    """Those that can set a quota."""
    rows = (t.split(":") for t in text.splitlines())
    kept = (row for row in rows if len(row) > 2 and (not row[1] or "cpu" in row[1].split(",")))
    return "\n".join(":".join(row) for row in kept)


def _routes_4(text: str) -> str:
    """Ways out alone, without where they lead."""
    rows = (t.split() for t in text.splitlines())
    return "\n".join(
        " ".join([*words[:2], "00000000", *words[3:]])
        for words in rows
        if len(words) > 7 and words[7] in ("00000000", "00000080")
    )


def _routes_6(text: str) -> str:
    rows = (t.split() for t in text.splitlines())
    return "\n".join(
        " ".join([*words[:4], "0" * 32, *words[5:]])
        for words in rows
        if len(words) > 9 and words[1] in ("00", "01")
    )


def _modules(text: str) -> str:
    wanted = {module for _, module in tools.KERNEL_FEATURES.values() if module}
    heads = (t.partition(":")[0] for t in text.splitlines())
    return "\n".join(f"{t}:" for t in heads if t.rpartition("/")[2].partition(".")[0] in wanted)


_ALLOWED = r"^Cpus_allowed_list:"
_OPTIONS = rf"^({'|'.join(option for option, _ in tools.KERNEL_FEATURES.values())})="
_KEPT: Mapping[str, Callable[[str], str | None]] = {
    "/proc/sys/kernel/hostname": _said(HOST_NAME),
    f"/{PRODUCTION}": _said("marked"),
    CPUINFO: _first_cpu,
    STATUS: _lines(rf"^(Uid|CapEff):|{_ALLOWED}"),
    "/proc/self/limits": _lines("^Max locked memory"),
    "/proc/meminfo": _lines("^(MemTotal|MemAvailable|SwapTotal|SwapFree):"),
    "/proc/stat": _lines("^cpu[0-9]"),
    "/proc/self/cgroup": _own_control_groups,
    "/proc/1/cgroup": _own_control_groups,
    "/proc/cmdline": _command_line,
    "/proc/vmstat": _lines(rf"^({'|'.join(EVENTS)}) "),
    "/proc/net/route": _routes_4,
    "/proc/net/ipv6_route": _routes_6,
    tools.CONFIG_GZ: _lines(_OPTIONS),
}
_KEPT_LIKE: tuple[tuple[str, Callable[[str], str | None]], ...] = (
    (r"/proc/[0-9]+/stat", _task),
    (r"/proc/[0-9]+/status", _lines(_ALLOWED)),
    (r"/sys/devices/system/node/node[0-9]+/meminfo", _lines("MemTotal:")),
    (r"/boot/config-.*", _lines(_OPTIONS)),
    (r"/lib/modules/.*", _modules),
)


def _card(host: Host, name: str) -> dict[str, object]:
    """What a card answers, in the form that a recorded one has."""
    card: dict[str, object] = {}
    for group in GROUPS:
        if group not in ("offloads", "statistics"):
            with contextlib.suppress(OSError, ValueError):
                card[group] = host.ethtool.get(name, group)
    with contextlib.suppress(OSError, ValueError):
        card["fixed"] = sorted(host.ethtool.fixed(name))
    return card


def _entries(look: Look, files: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """(empty files, folders) that are only known to be there."""
    entries = {name for name, is_there in look.there.items() if is_there}
    for folder, names in look.folders.items():
        if isinstance(names, list):
            entries |= {entry for name in names if _COUNTS.fullmatch(entry := f"{folder}/{name}")}
    entries -= look.texts.keys()
    folders = sorted(name for name in entries if look.path(name).is_dir())
    empty = dict.fromkeys(sorted(entries - set(folders) - files.keys()), "")
    return empty, folders


# What says something by being there; of other folders only what is read in them is recorded.
_COUNTS = re.compile(
    r"/sys/bus/event_source/devices/[^/]+|/proc/(self/ns/(mnt|net|user)|net/pktgen/[^/]+)"
    rf"|{NET}/[^/]+/(lower_[^/]+|queues/[^/]+|device/ptp/[^/]+)"
)
