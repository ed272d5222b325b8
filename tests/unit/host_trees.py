"""Trees of /proc and /sys as other machines have them: a tuned host, to be spoilt bit by bit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

V3 = "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"

# Eight CPUs, four of them isolated, everything set as the profiles ask for.
BARE_METAL: Mapping[str, str] = {
    "boot/config-6.12.1": (
        "CONFIG_PACKET=y\nCONFIG_XDP_SOCKETS=y\nCONFIG_NET_PKTGEN=m\nCONFIG_NET_SCH_NETEM=m\n"
        "CONFIG_VETH=m\n# CONFIG_VLAN_8021Q is not set\n"
    ),
    "proc/cpuinfo": (
        "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\n"
        "model name\t: AMD EPYC 9554\nstepping\t: 1\nmicrocode\t: 0xa101144\n"
        f"flags\t\t: fpu tsc rdtscp constant_tsc nonstop_tsc {V3}\n\n"
        "processor\t: 1\nmodel name\t: AMD EPYC 9554\n"
    ),
    "proc/cmdline": "root=/dev/nvme0n1p2 isolcpus=managed_irq,domain,4-7 nohz_full=4-7\n",
    "proc/loadavg": "0.08 0.03 0.01 1/412 9731\n",
    "proc/meminfo": (
        "MemTotal:       65536000 kB\nMemFree: 60000000 kB\nMemAvailable:   61000000 kB\n"
        "SwapTotal:             0 kB\nSwapFree:              0 kB\n"
    ),
    "proc/net/protocols": (
        "protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de\n"
        + "".join(
            f"{name}  1024  0  -1  NI  0  no  kernel  n n n\n"
            for name in ("PACKET", "XDP", "UDP", "TCP", "UNIX")
        )
    ),
    "proc/pressure/cpu": "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n",
    "proc/self/cgroup": "0::/user.slice/session-1.scope\n",
    "proc/self/limits": (
        "Limit                     Soft Limit           Hard Limit           Units     \n"
        "Max locked memory         unlimited            unlimited            bytes     \n"
    ),
    "proc/self/ns/mnt": "",
    "proc/self/ns/net": "",
    "proc/self/ns/user": "",
    "proc/self/status": (
        "Name:\tredline\nUid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n"
        "Cpus_allowed:\tff\nCpus_allowed_list:\t0-7\n"
    ),
    "proc/sys/kernel/hostname": "bench\n",
    "proc/sys/kernel/osrelease": "6.12.1\n",
    "proc/sys/kernel/perf_event_paranoid": "2\n",
    "proc/sys/kernel/sched_rt_runtime_us": "-1\n",
    "proc/sys/kernel/version": "#1 SMP PREEMPT_DYNAMIC\n",
    "proc/sys/user/max_user_namespaces": "255000\n",
    "sys/bus/event_source/devices/cpu/type": "4\n",
    "sys/bus/event_source/devices/software/type": "1\n",
    "sys/class/dmi/id/bios_version": "2.1\n",
    "sys/class/dmi/id/board_name": "H13\n",
    "sys/class/dmi/id/sys_vendor": "Example\n",
    "sys/class/net/eth1/device/ptp/ptp0/clock_name": "card\n",
    "sys/class/net/lo/address": "00:00:00:00:00:00\n",
    "sys/devices/system/clocksource/clocksource0/available_clocksource": "tsc hpet acpi_pm \n",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
    "sys/devices/system/cpu/isolated": "4-7\n",
    "sys/devices/system/cpu/nohz_full": "4-7\n",
    "sys/devices/system/cpu/online": "0-7\n",
    "sys/devices/system/cpu/smt/active": "0\n",
    **{
        f"sys/devices/system/cpu/cpu{cpu}/{leaf}": text
        for cpu in range(8)
        for leaf, text in (
            ("cpufreq/scaling_governor", "performance\n"),
            ("topology/thread_siblings_list", f"{cpu}\n"),
        )
    },
    "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages": "64\n",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
    "usr/bin/dpdk-testpmd": "",
    "usr/bin/gcc": "",
}


def plant(root: Path, changes: Mapping[str, str | None] | None = None) -> Path:
    """Write the bare-metal tree with some files changed, or absent where the change is None."""
    for name, text in {**BARE_METAL, **(changes or {})}.items():
        if text is not None:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return root


def changed(name: str, old: str, new: str) -> dict[str, str]:
    """One file of the tree with a part of its text replaced."""
    assert old in BARE_METAL[name]
    return {name: BARE_METAL[name].replace(old, new)}


def everywhere(leaf: str, text: str | None) -> dict[str, str | None]:
    """The same file of every CPU."""
    return {f"sys/devices/system/cpu/cpu{cpu}/{leaf}": text for cpu in range(8)}
