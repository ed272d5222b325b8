"""Which CPUs there are, how they lie together, how fast they may run, and who may use them."""

from __future__ import annotations

import hashlib

from harness.tuning.facts.base import (
    CPUINFO,
    CPUS,
    STATUS,
    Look,
    Readers,
    a_number,
    cpu_numbers,
    integer,
    line,
    line_of,
    listed,
    number_of,
    per_cpu,
    per_cpu_file,
    plain,
    table,
)
from harness.tuning.tree import Absent, cpu_list

# What the default build is compiled for (x86-64-v3), in the words of /proc/cpuinfo.
X86_64_V3 = ("avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave")
SIBLINGS = "topology/thread_siblings_list"


def _missing_flags(look: Look, source: str) -> list[str]:
    return [flag for flag in X86_64_V3 if flag not in look.flags]


def _flags_hash(look: Look, source: str) -> str:
    return hashlib.sha256(" ".join(sorted(look.flags)).encode()).hexdigest()


def _allowed(look: Look, source: str) -> list[int]:
    return cpu_list(look.key(source, "Cpus_allowed_list"))


def _siblings(look: Look, source: str) -> dict[str, str]:
    """Hyperthreads of each CPU this process may use, as kernel lists."""
    allowed = {str(cpu) for cpu in _allowed(look, STATUS)}
    seen = per_cpu(SIBLINGS, cpu_numbers)(look, source)
    assert isinstance(seen, dict)
    return {cpu: siblings for cpu, siblings in seen.items() if cpu in allowed}


def _without_tick(look: Look, source: str) -> list[int]:
    """Some kernels write (null) for none."""
    text = look.text(source)
    return [] if text == "(null)" else cpu_list(text)


def _frequency_range(look: Look, source: str) -> dict[str, str]:
    def entries() -> list[tuple[str, str]]:
        found = []
        for cpu in look.numbered(CPUS, "cpu"):
            least, most = (f"{CPUS}/cpu{cpu}/cpufreq/scaling_{end}_freq" for end in ("min", "max"))
            if look.has(least):
                found.append((cpu, f"{integer(look, least)}-{integer(look, most)}"))
        return found

    return table(entries(), "no CPU has this file: no driver for it")


def _vulnerabilities(look: Look, source: str) -> dict[str, str]:
    return {name: plain(look.text(f"{source}/{name}")) for name in look.names(source)}


def _quota(look: Look, source: str) -> float:
    """CPUs that the control groups of this process grant it in all; 0.0 without a limit."""
    grants: list[float] = []
    for text in look.text(source).splitlines():
        _, _, rest = text.partition(":")
        controllers, _, path = rest.partition(":")
        folders = [part for part in path.strip("/").split("/") if part]
        for depth in range(len(folders) + 1):
            below = "/".join(folders[:depth])
            if controllers == "":
                grants += _quota_v2(look, f"/sys/fs/cgroup/{below}")
            elif "cpu" in controllers.split(","):
                grants += _quota_v1(look, f"/sys/fs/cgroup/cpu/{below}")
    return min(grants, default=0.0)


def _quota_v2(look: Look, folder: str) -> list[float]:
    if not look.has(f"{folder}/cpu.max"):
        return []
    quota, _, period = look.text(f"{folder}/cpu.max").partition(" ")
    return [] if quota == "max" else [_share(quota, period)]


def _quota_v1(look: Look, folder: str) -> list[float]:
    if not look.has(f"{folder}/cpu.cfs_quota_us"):
        return []
    quota = look.text(f"{folder}/cpu.cfs_quota_us")
    return [] if quota == "-1" else [_share(quota, look.text(f"{folder}/cpu.cfs_period_us"))]


def _share(quota: str, period: str) -> float:
    if not quota.isdecimal() or not period.isdecimal() or len(quota + period) > 32 or period == "0":
        raise Absent(f"no quota and period: {quota[:20]!r} {period[:20]!r}")
    return int(quota) / int(period)


READERS: Readers = {
    "cpu.model": (CPUINFO, line_of("model name")),
    "cpu.vendor": (CPUINFO, line_of("vendor_id")),
    "cpu.family": (CPUINFO, number_of("cpu family")),
    "cpu.model_number": (CPUINFO, number_of("model")),
    "cpu.stepping": (CPUINFO, number_of("stepping")),
    "cpu.microcode": (CPUINFO, line_of("microcode")),
    "cpu.flags_sha256": (CPUINFO, _flags_hash),
    "cpu.missing_for_build": (CPUINFO, _missing_flags),
    "cpu.present": (f"{CPUS}/present", listed),
    "cpu.online": (f"{CPUS}/online", listed),
    "cpu.allowed": (STATUS, _allowed),
    "cpu.quota": ("/proc/self/cgroup", _quota),
    "cpu.isolated": (f"{CPUS}/isolated", listed),
    "cpu.nohz_full": (f"{CPUS}/nohz_full", _without_tick),
    "cpu.package": per_cpu_file("topology/physical_package_id", a_number),
    "cpu.core": per_cpu_file("topology/core_id", a_number),
    "cpu.smt_active": (f"{CPUS}/smt/active", integer),
    "cpu.smt_control": (f"{CPUS}/smt/control", line),
    "cpu.siblings": (f"{CPUS}/cpu*/{SIBLINGS}", _siblings),
    "cpu.thread_siblings": per_cpu_file(SIBLINGS, cpu_numbers),
    "cpu.llc_shared_with": per_cpu_file("cache/index3/shared_cpu_list", cpu_numbers),
    "cpu.governor": per_cpu_file("cpufreq/scaling_governor"),
    "cpu.frequency_driver": per_cpu_file("cpufreq/scaling_driver"),
    "cpu.frequency_khz": per_cpu_file("cpufreq/scaling_cur_freq", a_number),
    "cpu.frequency_range_khz": (f"{CPUS}/cpu*/cpufreq/scaling_*_freq", _frequency_range),
    "cpu.energy_preference": per_cpu_file("cpufreq/energy_performance_preference"),
    "cpu.energy_bias": per_cpu_file("power/energy_perf_bias"),
    "cpu.boost": (f"{CPUS}/cpufreq/boost", integer),
    "cpu.no_turbo": (f"{CPUS}/intel_pstate/no_turbo", integer),
    "cpu.throttle_count": per_cpu_file("thermal_throttle/core_throttle_count", a_number),
    "cpu.vulnerabilities": (f"{CPUS}/vulnerabilities", _vulnerabilities),
}
