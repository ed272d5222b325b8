"""Kinds of knobs of the kernel's chores that are more than a file with a value in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.tuning.host import Host
from harness.tuning.knobs.base import Proof, Scope, Target, Wish
from harness.tuning.knobs.files import FileKnob, asked, proof, target
from harness.tuning.knobs.tasks import check_fifo
from harness.tuning.settings.base import Setting
from harness.tuning.settings.files import FileSetting, RequestedSetting
from harness.tuning.tree import cpu_list, cpu_mask, cpus_text

FAIR_SERVER = "/sys/kernel/debug/sched/fair_server"
_UNBOUND = re.compile(r"kworker/u[0-9]+:.*")
_MAX_NAMED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RtRuntimeKnob(FileKnob):
    """The share of real-time tasks. No limit on all CPUs at once would hang the machine."""

    def targets(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        why = (check_fifo(scope.roles.hot, scope) or "") if wish.value == "-1" else ""
        setting = FileSetting(self.files[0], self.form)
        return [target(scope.host, setting, asked(wish), why)]

    def derived(self, scope: Scope, wish: Wish) -> Sequence[Proof]:
        """The server that newer kernels have beside the limit holds real-time tasks up as well."""
        if wish.value != "-1":
            return ()
        return [_fair_server(scope.host, wish, cpu) for cpu in scope.roles.hot]


def _fair_server(host: Host, wish: Wish, cpu: int) -> Proof:
    name = f"{FAIR_SERVER}/cpu{cpu}/runtime"
    wanted = "0: no time kept for others"
    try:
        seen = host.read(name).strip()
    except OSError:
        why = "the kernel does not show it; level effect measures it"
        return proof(wish, name, None, "", wanted=wanted, why=why)
    return proof(wish, name, seen == "0", seen, wanted=wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class FairServerKnob(FileKnob):
    """Of each hot CPU. Not of others: there it keeps the machine alive."""

    def paths(self, scope: Scope) -> list[str]:
        found = [self.files[0].format(cpu=cpu) for cpu in scope.roles.hot]
        return found if scope.host.glob(f"{FAIR_SERVER}/cpu*/runtime") else []


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchdogKnob(FileKnob):
    """One switch for two watchdogs that have switches too, which move with it on some kernels."""

    def targets(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        folder = self.files[0].rpartition("/")[0]
        names = [self.files[0]]
        if wish.value == "0":
            names += [f"{folder}/{name}" for name in ("soft_watchdog", "nmi_watchdog")]
        return [
            target(scope.host, self.setting(name), asked(wish))
            for name in names
            if scope.host.exists(name)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkqueuesKnob(FileKnob):
    """The mask, less what is isolated; and where the workers really may run."""

    def setting(self, path: str) -> Setting:
        return RequestedSetting(path, self.form)

    def derived(self, scope: Scope, wish: Wish) -> Sequence[Proof]:
        host, path = scope.host, self.files[0]
        want, seen = set(cpu_list(asked(wish))), cpu_mask(host.read(path))
        found = [proof(wish, path, set(seen) <= want, cpus_text(seen))]
        elsewhere = [
            f"{name} {cpus}" for name, cpus in _workers(host) if not set(cpu_list(cpus)) <= want
        ]
        if elsewhere:
            why = "workers of before; one without work ends within minutes"
            named = ", ".join(elsewhere[:_MAX_NAMED])
            found.append(proof(wish, "kworker/u*", None, named, why=why))
        return found


def _workers(host: Host) -> list[tuple[str, str]]:
    """(name, CPUs that it may use) of the workers that are bound to none."""
    found = []
    for path in host.glob("/proc/[0-9]*/comm"):
        try:
            name = host.read(path)
            if not _UNBOUND.fullmatch(name):
                continue
            status = host.read(f"{path.rpartition('/')[0]}/status")
        except OSError:
            continue  # it ended
        match = re.search(r"^Cpus_allowed_list:\s*([0-9,-]+)$", status, re.MULTILINE)
        if match:
            found.append((name, match[1]))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class AspmKnob(FileKnob):
    """A policy; each link still has what its device and the firmware agreed on."""

    def derived(self, scope: Scope, wish: Wish) -> Sequence[Proof]:
        if wish.value != "performance":
            return ()
        links = scope.host.glob("/sys/bus/pci/devices/*/link/*_aspm")
        asleep = [link for link in links if scope.host.read(link).strip() == "1"]
        if not links:
            why = "the kernel shows no link that could sleep"
            return [proof(wish, "/sys/bus/pci/devices/*/link", None, "", why=why)]
        seen = f"{len(asleep)} of {len(links)} may sleep"
        return [proof(wish, "/sys/bus/pci/devices/*/link", not asleep, seen, wanted="none")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClocksourceKnob(FileKnob):
    """The clock; a kernel that finds it unstable takes another one, at any later moment."""

    def derived(self, scope: Scope, wish: Wish) -> Sequence[Proof]:
        path = self.paths(scope)[0]
        folder = path.rpartition("/")[0]
        offered = scope.host.read(f"{folder}/available_clocksource").split()
        seen = scope.host.read(path).strip()
        why = "" if wish.value in offered else "the kernel does not trust it, or has none"
        return [proof(wish, path, seen == wish.value and not why, seen, why=why)]
