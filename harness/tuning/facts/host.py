"""What kind of host it is, and whose."""

from __future__ import annotations

import re

from harness.tuning.facts.base import CPUINFO, Look, Readers, line, plain
from harness.tuning.facts.tasks import task_of
from harness.tuning.lock import PRODUCTION
from harness.tuning.tree import Absent

_DMI = "/sys/class/dmi/id"
_MARKS = {"/.dockerenv": "docker", "/run/.containerenv": "podman"}
_CONTAINED = re.compile(r"/(docker|kubepods|lxc|libpod|containerd|garden)\b")


def _hypervisor(look: Look, source: str) -> str:
    """'none' on bare metal; else its name, or 'unnamed' when only the CPU flag gives it away."""
    if "hypervisor" not in look.flags:
        return "none"
    for name in ("/sys/hypervisor/type", f"{_DMI}/sys_vendor"):
        if look.has(name):
            return line(look, name)
    return "unnamed"


def _container(look: Look, source: str) -> str:
    """Its kind; 'none' on the host itself.

    Where kernel threads are to be seen the marks of a container are left over from an image.
    """
    if look.has("/run/systemd/container"):
        return line(look, "/run/systemd/container")
    if match := _CONTAINED.search(look.text(source)):
        return match[1]
    if _sees_kernel_threads(look):
        return "none"
    return next((kind for mark, kind in _MARKS.items() if look.has(mark)), "none")


def _sees_kernel_threads(look: Look) -> bool:
    """Whether task 2 is kthreadd, as it is on every host, and in no namespace of its own."""
    try:
        return task_of(look.text("/proc/2/stat")).is_kernel
    except Absent:
        return False


def _production(look: Look, source: str) -> str:
    """The reason that the marker gives, its first line; 'none' without a marker."""
    if look.has(source):
        first = next(iter(look.text(source).splitlines()), "")
        return plain(first.strip()) or "marked, without a reason"
    if not look.has("/etc"):
        raise Absent("no such directory: /etc")
    return "none"


READERS: Readers = {
    "host.name": ("/proc/sys/kernel/hostname", line),
    "host.boot_id": ("/proc/sys/kernel/random/boot_id", line),
    "host.hypervisor": (CPUINFO, _hypervisor),
    "host.container": ("/proc/1/cgroup", _container),
    "host.production": (f"/{PRODUCTION}", _production),
    "host.vendor": (f"{_DMI}/sys_vendor", line),
    "host.product": (f"{_DMI}/product_name", line),
    "host.board": (f"{_DMI}/board_name", line),
    "host.bios_version": (f"{_DMI}/bios_version", line),
    "host.bios_date": (f"{_DMI}/bios_date", line),
}
