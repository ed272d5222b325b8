"""Kinds of knobs of CPUs that are more than a file with a value in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.tuning.host import Host
from harness.tuning.knobs.base import Proof, Scope, Target, Wish, reason
from harness.tuning.knobs.files import CPU, CpuFileKnob, FileKnob, asked, proof, target
from harness.tuning.settings.base import Setting
from harness.tuning.settings.files import FileSetting
from harness.tuning.tree import Absent, cpu_list

N_LOOKS, LOOK_S = 3, 0.02  # at idle states: as a CPU's naps, of some ms each


@dataclass(frozen=True, slots=True, kw_only=True)
class GovernorKnob(FileKnob):
    """The governor; what it brought about is the frequency at which the CPU really runs."""

    def derived(self, scope: Scope, wish: Wish) -> Sequence[Proof]:
        if wish.value != "performance":
            return ()
        folders = [path.rpartition("/")[0] for path in self.paths(scope)]
        return [_frequency(scope.host, wish, folder) for folder in folders]


def _frequency(host: Host, wish: Wish, folder: str) -> Proof:
    """That of now against the nominal one, or what lies midway where the driver does not say."""
    try:
        seen = _first(host, folder, "scaling_cur_freq", "cpuinfo_cur_freq")
        least, most = (int(host.read(f"{folder}/cpuinfo_{one}_freq")) for one in ("min", "max"))
    except (OSError, ValueError):
        return proof(wish, folder, None, "", why="the driver does not say how fast it runs")
    try:
        nominal = int(host.read(f"{folder}/base_frequency"))
    except (OSError, ValueError):
        nominal = (least + most) // 2
    holds = seen >= nominal * 0.95  # a reading covers some ms and is off by a few percent
    why = "" if holds else "heat, power or the firmware hold it down"
    wanted = f"{nominal} kHz or more"
    return proof(wish, folder, holds, f"{seen} kHz", wanted=wanted, why=why)


def _first(host: Host, folder: str, *names: str) -> int:
    for name in names:
        if host.exists(f"{folder}/{name}"):
            return int(host.read(f"{folder}/{name}"))
    raise OSError("no frequency")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoostKnob(FileKnob):
    """Turbo, by whichever switch the driver has; one of them says what is forbidden."""

    files: Sequence[str] = (
        f"{CPU}/intel_pstate/no_turbo",
        f"{CPU}/cpufreq/boost",
        f"{CPU}/cpufreq/policy*/boost",
    )

    def setting(self, path: str) -> Setting:
        return FileSetting(path, "number")

    def want(self, host: Host, path: str, wish: Wish) -> str:
        is_on = wish.value == "1"
        return str(int(not is_on if path.endswith("/no_turbo") else is_on))


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleKnob(CpuFileKnob):
    """States behind the one that the wish names are switched off, all others on."""

    def want(self, host: Host, path: str, wish: Wish) -> str:
        return str(int(_number_of(path.rpartition("/")[0]) > int(asked(wish))))

    def derived(self, scope: Scope, wish: Wish) -> Sequence[Proof]:
        deepest = int(asked(wish))
        found = unused(
            scope.host,
            wish,
            self.cpus(scope),
            lambda state: _number_of(state) > deepest,
            f"no entry into a state behind state{deepest}",
        )
        try:
            governor = scope.host.read(f"{CPU}/cpuidle/current_governor").strip()
        except OSError:
            return found
        # Seen on 6.18: its choice looks at the time it polled, not at what is switched off.
        why = "the governor haltpoll takes states that are switched off"
        is_deaf = governor == "haltpoll"
        return [replace(one, why=why) if one.holds is False and is_deaf else one for one in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeKnob(CpuFileKnob):
    """In the kernel's file 0 is no limit, and `n/a` lets the CPU not sleep at all."""

    def want(self, host: Host, path: str, wish: Wish) -> str:
        return "0" if wish.value == "any" else asked(wish)

    def derived(self, scope: Scope, wish: Wish) -> Sequence[Proof]:
        if wish.value == "any":
            return ()
        most_us = 0 if wish.value == "n/a" else int(asked(wish))
        return unused(
            scope.host,
            wish,
            self.cpus(scope),
            # Without any limit left to keep, a governor takes the first state, whatever it costs.
            lambda state: (
                _number_of(state) > 0 and _latency_us(scope.host, state) > most_us
                if most_us
                else _number_of(state) > 0
            ),
            f"no entry into a state of more than {most_us} us",
        )


def unused(
    host: Host, wish: Wish, cpus: Sequence[int], is_deep: Callable[[str], bool], wanted: str
) -> list[Proof]:
    """Whether CPUs enter idle states that are too deep while we look, some ten ms."""
    states = {cpu: host.glob(f"{CPU}/cpu{cpu}/cpuidle/state[0-9]*") for cpu in cpus}
    deep = {cpu: [state for state in mine if is_deep(state)] for cpu, mine in states.items()}
    open_cpus = [cpu for cpu in cpus if deep[cpu]]
    seen: dict[int, tuple[bool, str]] = {}
    for _ in range(N_LOOKS if host.is_this_machine and open_cpus else 0):
        before = {cpu: _usage(host, states[cpu]) for cpu in open_cpus}
        time.sleep(LOOK_S)
        for cpu in list(open_cpus):
            after = _usage(host, states[cpu])
            grown = {state: after[state] - before[cpu][state] for state in after}
            n_deep = sum(grown[state] for state in deep[cpu])
            # One may be the sleep that it was in when the wish was written: that says nothing.
            if n_deep > 1 or (n_deep == 0 and any(grown.values())):
                seen[cpu] = (n_deep == 0, f"{n_deep} of {sum(grown.values())} entries")
                open_cpus.remove(cpu)
    why = "it did not go to sleep" if host.is_this_machine else "a recorded host does not sleep"
    found = [_idle(wish, cpu, *seen[cpu], wanted) for cpu in seen]
    return found + [_idle(wish, cpu, None, "", wanted, why) for cpu in open_cpus]


def _idle(wish: Wish, cpu: int, holds: bool | None, seen: str, wanted: str, why: str = "") -> Proof:
    return proof(wish, f"{CPU}/cpu{cpu}/cpuidle", holds, seen, wanted=wanted, why=why)


def _number_of(state: str) -> int:
    """Of .../state3."""
    digits = state.rpartition("/state")[2]
    if not digits.isascii() or not digits.isdecimal():
        raise Absent(f"{state}: not an idle state")
    return int(digits)


def _latency_us(host: Host, state: str) -> int:
    return _integer(host, f"{state}/latency")


def _usage(host: Host, states: Sequence[str]) -> Mapping[str, int]:
    return {state: _integer(host, f"{state}/usage") for state in states}


def _integer(host: Host, path: str) -> int:
    text = host.read(path)
    if not text.isascii() or not text.isdecimal():
        raise Absent(f"{path}: not a number: {text[:40]!r}")
    return int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtKnob(FileKnob):
    """Threads of a core. A sibling that is switched off takes what ran on it elsewhere."""

    def available(self, scope: Scope, wish: Wish) -> str | None:
        why = FileKnob.available(self, scope, wish)
        if why is not None:
            return why
        try:
            seen = scope.host.read(self.paths(scope)[0]).strip()
        except OSError as error:
            return reason(error)
        if seen in ("notsupported", "notimplemented"):
            return "the cores have one thread each"
        return "switched off by the firmware, for good" if seen == "forceoff" else None

    def targets(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        path = self.paths(scope)[0]
        why = _loses_all(scope) if wish.value == "off" else ""
        return [target(scope.host, self.setting(path), asked(wish), why)]

    def derived(self, scope: Scope, wish: Wish) -> Sequence[Proof]:
        name = f"{CPU}/smt/active"
        seen = scope.host.read(name).strip()
        return [proof(wish, name, seen == str(int(wish.value == "on")), seen)]


def _loses_all(scope: Scope) -> str:
    """Why siblings cannot go: a role would be left without CPUs."""
    first: set[int] = set()
    for cpu in scope.host.cpus():
        siblings = scope.host.read(f"{CPU}/cpu{cpu}/topology/thread_siblings_list")
        first.add(min(cpu_list(siblings), default=cpu))
    roles = {"hot": scope.roles.hot, "irq": scope.roles.irq, "rest": scope.roles.housekeeping}
    lost = [name for name, cpus in roles.items() if cpus and not first & set(cpus)]
    return f"all CPUs of the role {lost[0]} would go" if lost else ""
