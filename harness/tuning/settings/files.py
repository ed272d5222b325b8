"""Settings that are files of the kernel: below /proc and /sys, one value each."""

from __future__ import annotations

import errno
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from harness.tuning.host import Host
from harness.tuning.settings.base import Setting
from harness.tuning.tree import Absent, cpu_list, cpu_mask, cpus_text

Form = Literal["text", "number", "choice", "cpus", "mask"]
FORMS: Mapping[str, Form] = {form: form for form in get_args(Form)}
ROOTS = ("/proc/sys/", "/proc/irq/", "/sys/")  # below /proc/PID whole file systems can be reached
MAX_PATH = 512
# Files that start programs, take devices or the machine away, or guard it: no knob of ours is one.
_NEVER = re.compile(
    r"/proc/sys/(fs|user|abi|dev|debug)/.*"
    r"|/proc/sys/kernel/(core_.*|modprobe|modules_disabled|hotplug|poweroff_cmd|usermodehelper/.*)"
    r"|/proc/sys/kernel/(sysrq|panic.*|kexec.*|randomize_va_space|kptr_restrict|dmesg_restrict)"
    r"|/proc/sys/kernel/(yama|keys|firmware_config|seccomp)/.*|/proc/sys/kernel/unprivileged_.*"
    r"|/sys/(firmware|power|hypervisor)/.*|/sys/fs/(?!cgroup/).*"
    r"|/sys/kernel/(security|livepatch|kexec.*|uevent_helper|reboot|tracing)(/.*)?"
    r"|/sys/.*/(bind|unbind|driver_override|new_id|remove|rescan|reset|uevent|online|rom|config)"
)
_NUMBER = re.compile(r"[+-]?(0x[0-9a-fA-F]{1,16}|[0-9]{1,20})")
_CHOSEN = re.compile(r"\[([^\]\s]+)\]")
_GROUP_DIGITS = 8  # a kernel writes and reads masks in groups of 32 bits


@dataclass(frozen=True, slots=True)
class FileSetting(Setting):
    """The file at `target`. Its `form` says how a value of it looks:

    text    as it is; blanks between words do not count
    number  a decimal number
    choice  one word of several, in brackets when read: always [madvise] never
    cpus    a list of CPUs: 0-2,5
    mask    CPUs as bits in hexadecimal digits; its values here are lists of CPUs all the same

    A list of no CPUs is written as an empty line: a write of no bytes reaches no driver.
    """

    kind: ClassVar[str] = "file"
    form: Form = "text"
    may_round: bool = False

    @property
    def rounds(self) -> bool:
        return self.may_round

    def read(self, host: Host) -> str:
        return self.value_of(host.read(self.target))

    def write(self, host: Host, value: str) -> None:
        if self.form == "mask":
            value = mask_text(_listed(cpu_list, value), like=host.read(self.target))
        host.write(self.target, value or "\n")

    def value_of(self, text: str) -> str:
        """The value in what the file says. OSError EINVAL for a mask that is none."""
        if self.form == "choice":
            match = _CHOSEN.search(text)
            return match[1] if match else text.strip()
        if self.form == "mask":
            return cpus_text(_listed(cpu_mask, text))
        return text if self.form == "text" else text.strip()

    def same(self, one: str, other: str) -> bool:
        if one == other:
            return True
        if self.form in ("cpus", "mask"):
            try:
                return set(_listed(cpu_list, one)) == set(_listed(cpu_list, other))
            except OSError:
                return False
        if self.form == "number":
            both = (one.strip(), other.strip())
            return all(map(_NUMBER.fullmatch, both)) and _value(both[0]) == _value(both[1])
        return one.split() == other.split()

    def command(self, value: str) -> str:
        if self.form == "mask":
            value = mask_text(_listed(cpu_list, value))
        return f"echo {shlex.quote(value)} > {shlex.quote(self.target)}"

    def as_json(self) -> dict[str, Any]:
        raw = {"kind": self.kind, "target": self.target, "form": self.form}
        return raw | ({"rounds": True} if self.may_round else {})


@dataclass(frozen=True, slots=True)
class RequestedSetting(FileSetting):
    """A file that shows what became of a value, beside NAME_requested that keeps what was asked.

    A kernel takes isolated CPUs out of such a mask. What is put back is what had been asked; a
    kernel without the second file does what it is asked.
    """

    kind: ClassVar[str] = "requested"

    def read(self, host: Host) -> str:
        asked = f"{self.target}_requested"
        return self.value_of(host.read(asked if host.exists(asked) else self.target))


def file_setting(raw: Mapping[str, Any]) -> FileSetting:
    """What as_json() wrote. ValueError for anything else: no journal makes us write other files."""
    return FileSetting(*_checked(raw))


def requested_setting(raw: Mapping[str, Any]) -> RequestedSetting:
    """The same, of the other kind."""
    return RequestedSetting(*_checked(raw))


def _checked(raw: Mapping[str, Any]) -> tuple[str, Form, bool]:
    target, form, rounds = raw.get("target"), raw.get("form", "text"), raw.get("rounds", False)
    if not isinstance(target, str) or not is_kernels(target):
        raise ValueError("not a file of the kernel")
    if not isinstance(form, str) or form not in FORMS:
        raise ValueError("not a form of a file")
    if not isinstance(rounds, bool):
        raise ValueError("neither rounds nor does not")
    return target, FORMS[form], rounds


def is_kernels(path: str) -> bool:
    """Whether it names a setting below /proc or /sys, in the shortest way."""
    parts = path.split("/")
    return (
        path.startswith(ROOTS)
        and len(path) <= MAX_PATH
        and path.isprintable()
        and not {"..", "."} & set(parts)
        and "" not in parts[1:]
        and not _NEVER.fullmatch(path)
    )


def mask_text(cpus: list[int], like: str = "") -> str:
    """Hexadecimal digits, as many and in such groups as there are in `like`.

    OSError EOVERFLOW for a CPU that has no bit there: the kernel would not take it either.
    """
    digits = f"{sum(1 << cpu for cpu in set(cpus)):x}"
    n_digits = len(like.strip().replace(",", ""))
    if n_digits and len(digits) > n_digits:
        raise OSError(errno.EOVERFLOW, f"CPU {max(cpus)} is none of this mask")
    digits = digits.zfill(n_digits)
    head = len(digits) % _GROUP_DIGITS or _GROUP_DIGITS
    groups = [digits[:head]]
    groups += [digits[i : i + _GROUP_DIGITS] for i in range(head, len(digits), _GROUP_DIGITS)]
    return ",".join(groups)


def _value(number: str) -> int:
    return int(number, 16 if "x" in number else 10)


def _listed(how: Callable[[str], list[int]], text: str) -> list[int]:
    try:
        return how(text)
    except Absent as why:
        raise OSError(errno.EINVAL, str(why)) from None
