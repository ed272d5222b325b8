"""Facts about a host that decide what its measurements are worth, each with where it was read.

A fact that is not there is a fact too: its value is None and its reason says why (a virtual machine
has no DMI, a container hides a file). Nothing is guessed and nothing is written.

Everything comes from files below `root`, so that a recorded tree of another machine can be read as
well as this one. Reading takes some milliseconds and allocates: never inside a measured window.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

Value = str | int | float | bool | list[str] | list[int] | dict[str, str]

CPUINFO = "proc/cpuinfo"
STATUS = "proc/self/status"
CPUS = "sys/devices/system/cpu"
THP = "sys/kernel/mm/transparent_hugepage/enabled"

# What the default build is compiled for (x86-64-v3), in the words of /proc/cpuinfo.
X86_64_V3 = ("avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave")

CAPABILITIES: Mapping[str, int] = {
    "CAP_DAC_OVERRIDE": 1,
    "CAP_NET_ADMIN": 12,
    "CAP_NET_RAW": 13,
    "CAP_IPC_LOCK": 14,
    "CAP_SYS_ADMIN": 21,
    "CAP_SYS_NICE": 23,
    "CAP_PERFMON": 38,
    "CAP_BPF": 39,
}
COMPILERS = ("gcc", "cc", "clang")
PACKET_GENERATOR = "dpdk-testpmd"

# What the network backends ask of a kernel: the option of its configuration, the module it is in.
KERNEL_FEATURES: Mapping[str, tuple[str, str]] = {
    "af_packet": ("CONFIG_PACKET", "af_packet"),
    "af_xdp": ("CONFIG_XDP_SOCKETS", ""),
    "netem": ("CONFIG_NET_SCH_NETEM", "sch_netem"),
    "pktgen": ("CONFIG_NET_PKTGEN", "pktgen"),
    "veth": ("CONFIG_VETH", "veth"),
}
CONFIG_GZ = "proc/config.gz"
MAX_CONFIG_BYTES = 4 << 20  # about ten times what one has


@dataclass(frozen=True, slots=True)
class Fact:
    """A value and its source; or None and the reason why there is no value."""

    value: Value | None
    source: str
    reason: str | None = None

    def as_json(self) -> dict[str, Value | None]:
        return {"value": self.value, "source": self.source, "reason": self.reason}


Facts = Mapping[str, Fact]


class Absent(Exception):
    """Why a fact has no value."""


def collect(root: Path = Path("/")) -> dict[str, Fact]:
    """Every fact of the host below `root`, by dotted name."""
    tree = _Tree(root)
    facts: dict[str, Fact] = {}
    for name, (source, read) in _READERS.items():
        try:
            facts[name] = Fact(read(tree, source), f"/{source}")
        except Absent as why:
            facts[name] = Fact(None, f"/{source}", str(why))
        except (ValueError, IndexError, ZeroDivisionError) as error:
            facts[name] = Fact(None, f"/{source}", f"not understood: {error}")
    return facts


class _Tree:
    """Text files below a root; Absent says what kept one from being read."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def text(self, name: str) -> str:
        try:
            return (self.root / name).read_text(encoding="utf-8", errors="replace").strip()
        except FileNotFoundError:
            raise Absent("no such file") from None
        except OSError as error:  # sysfs answers EINVAL, EIO or EPERM for what a driver lacks
            raise Absent((error.strerror or str(error)).lower()) from None

    def unpacked(self, name: str) -> str:
        """The text in a gzip file."""
        try:
            with gzip.open(self.root / name) as file:
                return file.read(MAX_CONFIG_BYTES).decode(errors="replace")
        except FileNotFoundError:
            raise Absent("no such file") from None
        except (OSError, EOFError, zlib.error):
            raise Absent("cannot be unpacked") from None

    def lines(self, name: str) -> Iterator[tuple[str, str]]:
        """(key, value) of a file of `key: value` lines."""
        for line in self.text(name).splitlines():
            key, colon, value = line.partition(":")
            if colon:
                yield key.strip(), value.strip()

    def key(self, name: str, wanted: str) -> str:
        """The first value of `wanted` in a file of `key: value` lines."""
        for key, value in self.lines(name):
            if key == wanted:
                return value
        raise Absent(f"no line {wanted!r}")

    def has(self, name: str) -> bool:
        return (self.root / name).exists()

    def names(self, folder: str) -> list[str]:
        try:
            return sorted(entry.name for entry in (self.root / folder).iterdir())
        except OSError:
            raise Absent("no such directory") from None


def cpu_list(text: str) -> list[int]:
    """The CPUs of a kernel list: '0-2,5' is [0, 1, 2, 5], '' is []. Absent when it is no list."""
    cpus: list[int] = []
    for part in filter(None, text.strip().split(",")):
        match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?(?::\d+/\d+)?", part.strip())
        if match is None:
            raise Absent(f"not a list of CPUs: {text[:40]!r}")
        first, last = int(match[1]), int(match[2] or match[1])
        cpus.extend(range(first, last + 1))
    return cpus


def _text(tree: _Tree, source: str) -> str:
    return tree.text(source)


def _integer(tree: _Tree, source: str) -> int:
    text = tree.text(source)
    try:
        return int(text)
    except ValueError:
        raise Absent(f"not a number: {text[:40]!r}") from None


def _cpus(tree: _Tree, source: str) -> list[int]:
    return cpu_list(tree.text(source))


def _first_word(tree: _Tree, source: str) -> str:
    return tree.text(source).split(maxsplit=1)[0]


def _chosen(tree: _Tree, source: str) -> str:
    """The bracketed choice of 'always [madvise] never'."""
    text = tree.text(source)
    match = re.search(r"\[(\S+)\]", text)
    if match is None:
        raise Absent(f"nothing is chosen in {text[:40]!r}")
    return match[1]


def _line_of(key: str) -> Callable[[_Tree, str], str]:
    return lambda tree, source: tree.key(source, key)


def _number_of(key: str) -> Callable[[_Tree, str], int]:
    def read(tree: _Tree, source: str) -> int:
        words = tree.key(source, key).split()
        if not words or not words[0].isdigit():
            raise Absent(f"no number in line {key!r}")
        return int(words[0])

    return read


def _flags(tree: _Tree) -> frozenset[str]:
    return frozenset(tree.key(CPUINFO, "flags").split())


def _flag(*wanted: str) -> Callable[[_Tree, str], bool]:
    return lambda tree, source: _flags(tree).issuperset(wanted)


def _missing_flags(tree: _Tree, source: str) -> list[str]:
    return [flag for flag in X86_64_V3 if flag not in _flags(tree)]


def _flags_hash(tree: _Tree, source: str) -> str:
    return hashlib.sha256(" ".join(sorted(_flags(tree))).encode()).hexdigest()


def _allowed(tree: _Tree, source: str) -> list[int]:
    return cpu_list(tree.key(source, "Cpus_allowed_list"))


def _per_cpu(leaf: str) -> Callable[[_Tree, str], dict[str, str]]:
    """The same file of every CPU that has it, by CPU number."""

    def read(tree: _Tree, source: str) -> dict[str, str]:
        seen: dict[str, str] = {}
        for name in tree.names(CPUS):
            if re.fullmatch(r"cpu\d+", name) and tree.has(f"{CPUS}/{name}/{leaf}"):
                seen[name[3:]] = tree.text(f"{CPUS}/{name}/{leaf}")
        if not seen:
            raise Absent("no CPU has this file: no driver for it")
        return dict(sorted(seen.items(), key=lambda item: int(item[0])))

    return read


def _siblings(tree: _Tree, source: str) -> dict[str, str]:
    """Hyperthreads of each CPU this process may use, as kernel lists."""
    allowed = {str(cpu) for cpu in _allowed(tree, STATUS)}
    seen = _per_cpu("topology/thread_siblings_list")(tree, source)
    return {cpu: siblings for cpu, siblings in seen.items() if cpu in allowed}


def _hypervisor(tree: _Tree, source: str) -> str:
    """'none' on bare metal; else its name, or 'unnamed' when only the CPU flag gives it away."""
    if "hypervisor" not in _flags(tree):
        return "none"
    for name in ("sys/hypervisor/type", "sys/class/dmi/id/sys_vendor"):
        if tree.has(name):
            return tree.text(name)
    return "unnamed"


def _page_size_pools(tree: _Tree, source: str) -> dict[str, str]:
    """Free huge pages by size in kB."""
    pools: dict[str, str] = {}
    for name in tree.names(source):
        match = re.fullmatch(r"hugepages-(\d+)kB", name)
        if match:
            pools[match[1]] = tree.text(f"{source}/{name}/free_hugepages")
    return pools


def _memlock(tree: _Tree, source: str) -> int:
    """Bytes this process may lock; -1 without a limit."""
    for line in tree.text(source).splitlines():
        match = re.match(r"Max locked memory\s+(\S+)", line)
        if match:
            return -1 if match[1] == "unlimited" else int(match[1])
    raise Absent("no line 'Max locked memory'")


def _capabilities(tree: _Tree, source: str) -> list[str]:
    held = int(tree.key(source, "CapEff"), 16)
    return [name for name, bit in CAPABILITIES.items() if held >> bit & 1]


def _euid(tree: _Tree, source: str) -> int:
    return int(tree.key(source, "Uid").split()[1])


def _core_events(tree: _Tree, source: str) -> list[str]:
    """Hardware counters of the cores (cpu, or cpu_core and cpu_atom on hybrid CPUs)."""
    return [name for name in tree.names(source) if name == "cpu" or name.startswith("cpu_")]


def _namespaces(tree: _Tree, source: str) -> list[str]:
    return [name for name in tree.names(source) if name in ("net", "mnt", "user")]


def _compiler(tree: _Tree, source: str) -> str:
    for folder in ("usr/bin", "usr/local/bin"):
        for name in COMPILERS:
            if tree.has(f"{folder}/{name}"):
                return f"/{folder}/{name}"
    raise Absent(f"none of {', '.join(COMPILERS)} in /usr/bin or /usr/local/bin")


def _packet_generator(tree: _Tree, source: str) -> str:
    for folder in ("usr/bin", "usr/local/bin"):
        if tree.has(f"{folder}/{PACKET_GENERATOR}"):
            return f"/{folder}/{PACKET_GENERATOR}"
    raise Absent(f"no {PACKET_GENERATOR} in /usr/bin or /usr/local/bin")


def _kernel_features(tree: _Tree, source: str) -> dict[str, str]:
    """By feature "built in", "module" or "absent"; Absent when the kernel does not say.

    A kernel tells its configuration, or its modules; of those that are no module the latter does
    not tell whether they are there.
    """
    release = tree.text("proc/sys/kernel/osrelease")
    if tree.has(CONFIG_GZ):
        config = tree.unpacked(CONFIG_GZ)
    elif tree.has(f"boot/config-{release}"):
        config = tree.text(f"boot/config-{release}")
    else:
        return _features_by_module(tree, f"lib/modules/{release}")
    chosen = dict(re.findall(r"^(CONFIG_\w+)=([ym])$", config, re.MULTILINE))
    words = {"y": "built in", "m": "module"}
    return {
        feature: words.get(chosen.get(option, ""), "absent")
        for feature, (option, _) in KERNEL_FEATURES.items()
    }


def _features_by_module(tree: _Tree, folder: str) -> dict[str, str]:
    where = {"built in": "modules.builtin", "module": "modules.dep"}
    if not tree.has(f"{folder}/{where['module']}"):
        raise Absent(f"neither it nor /boot/config nor /{folder}/{where['module']}")
    names = {
        word: set(re.findall(r"([^/]+)\.ko[.\w]*(?::.*)?$", tree.text(f"{folder}/{file}"), re.M))
        for word, file in where.items()
        if tree.has(f"{folder}/{file}")
    }
    return {
        feature: next((word for word in names if module in names[word]), "absent")
        for feature, (_, module) in KERNEL_FEATURES.items()
        if module
    }


def _protocols(tree: _Tree, source: str) -> list[str]:
    """Kinds of sockets that the kernel has loaded: UDP, TCP, PACKET, XDP."""
    names = [line.split()[0] for line in tree.text(source).splitlines()[1:] if line.split()]
    if not names:
        raise Absent("lists no protocol")
    return sorted(set(names))


def _hardware_clocks(tree: _Tree, source: str) -> dict[str, str]:
    """The clock of every interface whose card has one for time stamps."""
    return {
        name: ", ".join(tree.names(f"{source}/{name}/device/ptp"))
        for name in tree.names(source)
        if tree.has(f"{source}/{name}/device/ptp")
    }


def _quota(tree: _Tree, source: str) -> float:
    """CPUs that the control groups of this process grant it in all; 0.0 without a limit."""
    grants: list[float] = []
    for line in tree.text(source).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        folders = [part for part in path.strip("/").split("/") if part]
        for depth in range(len(folders) + 1):
            below = "/".join(folders[:depth])
            if controllers == "":
                grants += _quota_v2(tree, f"sys/fs/cgroup/{below}")
            elif "cpu" in controllers.split(","):
                grants += _quota_v1(tree, f"sys/fs/cgroup/cpu/{below}")
    return min(grants, default=0.0)


def _quota_v2(tree: _Tree, folder: str) -> list[float]:
    if not tree.has(f"{folder}/cpu.max"):
        return []
    quota, _, period = tree.text(f"{folder}/cpu.max").partition(" ")
    return [] if quota == "max" else [int(quota) / int(period)]


def _quota_v1(tree: _Tree, folder: str) -> list[float]:
    if not tree.has(f"{folder}/cpu.cfs_quota_us"):
        return []
    quota = int(tree.text(f"{folder}/cpu.cfs_quota_us"))
    return [quota / int(tree.text(f"{folder}/cpu.cfs_period_us"))] if quota > 0 else []


def _vulnerabilities(tree: _Tree, source: str) -> dict[str, str]:
    return {name: tree.text(f"{source}/{name}") for name in tree.names(source)}


def _load(tree: _Tree, source: str) -> float:
    return float(_first_word(tree, source))


def _runnable(tree: _Tree, source: str) -> int:
    """Tasks that run or wait to run at this moment, this one among them."""
    match = re.search(r" (\d+)/\d+ ", tree.text(source))
    if match is None:
        raise Absent("no count of runnable tasks")
    return int(match[1])


def _swap_used_kib(tree: _Tree, source: str) -> int:
    return _number_of("SwapTotal")(tree, source) - _number_of("SwapFree")(tree, source)


_DMI = "sys/class/dmi/id"
_READERS: Mapping[str, tuple[str, Callable[[_Tree, str], Value]]] = {
    "host.name": ("proc/sys/kernel/hostname", _text),
    "host.boot_id": ("proc/sys/kernel/random/boot_id", _text),
    "host.hypervisor": (CPUINFO, _hypervisor),
    "host.vendor": (f"{_DMI}/sys_vendor", _text),
    "host.board": (f"{_DMI}/board_name", _text),
    "host.bios_version": (f"{_DMI}/bios_version", _text),
    "host.bios_date": (f"{_DMI}/bios_date", _text),
    "kernel.release": ("proc/sys/kernel/osrelease", _text),
    "kernel.version": ("proc/sys/kernel/version", _text),
    "kernel.cmdline": ("proc/cmdline", _text),
    "kernel.tainted": ("proc/sys/kernel/tainted", _integer),
    "kernel.rt_runtime_us": ("proc/sys/kernel/sched_rt_runtime_us", _integer),
    "kernel.numa_balancing": ("proc/sys/kernel/numa_balancing", _integer),
    "kernel.nmi_watchdog": ("proc/sys/kernel/nmi_watchdog", _integer),
    "kernel.timer_migration": ("proc/sys/kernel/timer_migration", _integer),
    "cpu.model": (CPUINFO, _line_of("model name")),
    "cpu.vendor": (CPUINFO, _line_of("vendor_id")),
    "cpu.family": (CPUINFO, _number_of("cpu family")),
    "cpu.model_number": (CPUINFO, _number_of("model")),
    "cpu.stepping": (CPUINFO, _number_of("stepping")),
    "cpu.microcode": (CPUINFO, _line_of("microcode")),
    "cpu.flags_sha256": (CPUINFO, _flags_hash),
    "cpu.missing_for_build": (CPUINFO, _missing_flags),
    "cpu.online": (f"{CPUS}/online", _cpus),
    "cpu.allowed": (STATUS, _allowed),
    "cpu.quota": ("proc/self/cgroup", _quota),
    "cpu.isolated": (f"{CPUS}/isolated", _cpus),
    "cpu.nohz_full": (f"{CPUS}/nohz_full", _cpus),
    "cpu.smt_active": (f"{CPUS}/smt/active", _integer),
    "cpu.siblings": (f"{CPUS}/cpu*/topology/thread_siblings_list", _siblings),
    "cpu.llc_shared_with": (
        f"{CPUS}/cpu*/cache/index3/shared_cpu_list",
        _per_cpu("cache/index3/shared_cpu_list"),
    ),
    "cpu.governor": (
        f"{CPUS}/cpu*/cpufreq/scaling_governor",
        _per_cpu("cpufreq/scaling_governor"),
    ),
    "cpu.frequency_driver": (
        f"{CPUS}/cpu*/cpufreq/scaling_driver",
        _per_cpu("cpufreq/scaling_driver"),
    ),
    "cpu.boost": (f"{CPUS}/cpufreq/boost", _integer),
    "cpu.no_turbo": (f"{CPUS}/intel_pstate/no_turbo", _integer),
    "cpu.idle_driver": (f"{CPUS}/cpuidle/current_driver", _text),
    "cpu.vulnerabilities": (f"{CPUS}/vulnerabilities", _vulnerabilities),
    "clock.invariant_tsc": (CPUINFO, _flag("constant_tsc", "nonstop_tsc", "rdtscp")),
    "clock.source": ("sys/devices/system/clocksource/clocksource0/current_clocksource", _text),
    "clock.sources": ("sys/devices/system/clocksource/clocksource0/available_clocksource", _text),
    "memory.total_kib": ("proc/meminfo", _number_of("MemTotal")),
    "memory.available_kib": ("proc/meminfo", _number_of("MemAvailable")),
    "memory.swap_used_kib": ("proc/meminfo", _swap_used_kib),
    "memory.thp": (THP, _chosen),
    "memory.thp_defrag": ("sys/kernel/mm/transparent_hugepage/defrag", _chosen),
    "memory.ksm": ("sys/kernel/mm/ksm/run", _integer),
    "memory.hugepages_free": ("sys/kernel/mm/hugepages", _page_size_pools),
    "memory.swappiness": ("proc/sys/vm/swappiness", _integer),
    "numa.online": ("sys/devices/system/node/online", _text),
    "process.memlock_bytes": ("proc/self/limits", _memlock),
    "process.euid": (STATUS, _euid),
    "process.capabilities": (STATUS, _capabilities),
    "process.namespaces": ("proc/self/ns", _namespaces),
    "process.user_namespaces": ("proc/sys/user/max_user_namespaces", _integer),
    "perf.core_events": ("sys/bus/event_source/devices", _core_events),
    "perf.paranoid": ("proc/sys/kernel/perf_event_paranoid", _integer),
    "tools.compiler": ("usr/bin", _compiler),
    "tools.packet_generator": ("usr/bin", _packet_generator),
    "network.features": (CONFIG_GZ, _kernel_features),
    "network.protocols": ("proc/net/protocols", _protocols),
    "network.pktgen": ("proc/net/pktgen", lambda tree, source: tree.names(source)),
    "network.hardware_clocks": ("sys/class/net", _hardware_clocks),
    "load.one_minute": ("proc/loadavg", _load),
    "load.runnable": ("proc/loadavg", _runnable),
    "load.cpu_pressure": ("proc/pressure/cpu", _text),
}
