"""Programs and parts of the kernel that benches use."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.tuning.facts.base import Look, Read, Readers, line
from harness.tuning.tree import Absent

COMPILERS = ("gcc", "cc", "clang")
FOLDERS = ("/usr/bin", "/usr/local/bin")

# What the network backends ask of a kernel: the option of its configuration, the module it is in.
KERNEL_FEATURES: Mapping[str, tuple[str, str]] = {
    "af_packet": ("CONFIG_PACKET", "af_packet"),
    "af_xdp": ("CONFIG_XDP_SOCKETS", ""),
    "netem": ("CONFIG_NET_SCH_NETEM", "sch_netem"),
    "pktgen": ("CONFIG_NET_PKTGEN", "pktgen"),
    "veth": ("CONFIG_VETH", "veth"),
}
CONFIG_GZ = "/proc/config.gz"


def _program(*names: str) -> Read:
    """Where the first of these programs is."""

    def read(look: Look, source: str) -> str:
        for folder in FOLDERS:
            for name in names:
                if look.has(f"{folder}/{name}"):
                    return f"{folder}/{name}"
        none = f"none of {', '.join(names)}" if len(names) > 1 else f"no {names[0]}"
        raise Absent(f"{none} in {' or '.join(FOLDERS)}")

    return read


def _kernel_features(look: Look, source: str) -> dict[str, str]:
    """By feature "built in", "module" or "absent"; Absent when the kernel does not say.

    A kernel tells its configuration, or its modules; of those that are no module the latter does
    not tell whether they are there.
    """
    release = line(look, "/proc/sys/kernel/osrelease")
    if look.has(CONFIG_GZ):
        config = look.unpacked(CONFIG_GZ)
    elif look.has(f"/boot/config-{release}"):
        config = look.text(f"/boot/config-{release}")
    else:
        return _features_by_module(look, f"/lib/modules/{release}")
    chosen = dict(re.findall(r"^(CONFIG_\w+)=([ym])$", config, re.MULTILINE))
    words = {"y": "built in", "m": "module"}
    return {
        feature: words.get(chosen.get(option, ""), "absent")
        for feature, (option, _) in KERNEL_FEATURES.items()
    }


def _features_by_module(look: Look, folder: str) -> dict[str, str]:
    where = {"built in": "modules.builtin", "module": "modules.dep"}
    if not look.has(f"{folder}/{where['module']}"):
        raise Absent(f"neither it nor /boot/config nor {folder}/{where['module']}")
    names = {
        word: set(re.findall(r"([^/]+)\.ko[.\w]*(?::.*)?$", look.text(f"{folder}/{file}"), re.M))
        for word, file in where.items()
        if look.has(f"{folder}/{file}")
    }
    return {
        feature: next((word for word in names if module in names[word]), "absent")
        for feature, (_, module) in KERNEL_FEATURES.items()
        if module
    }


def _protocols(look: Look, source: str) -> list[str]:
    """Kinds of sockets that the kernel has loaded: UDP, TCP, PACKET, XDP."""
    rows = (text.split() for text in look.text(source).splitlines()[1:])
    names = {words[0] for words in rows if words}
    if not names:
        raise Absent("lists no protocol")
    return sorted(names)


def _pktgen(look: Look, source: str) -> list[str]:
    return look.names(source)


READERS: Readers = {
    "tools.compiler": (FOLDERS[0], _program(*COMPILERS)),
    "tools.packet_generator": (FOLDERS[0], _program("dpdk-testpmd")),
    "network.features": (CONFIG_GZ, _kernel_features),
    "network.protocols": ("/proc/net/protocols", _protocols),
    "network.pktgen": ("/proc/net/pktgen", _pktgen),
}
