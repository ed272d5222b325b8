"""Which CPUs of a host do what, and how a profile names them.

Stated by an inventory, or found: isolated CPUs are the hot ones; without any, the last half of the
CPUs is, so that CPU 0, where a kernel does its chores, is never measured on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.errors import HostError
from harness.tuning.host import Host
from harness.tuning.knobs.base import Roles
from harness.tuning.tree import Absent, cpu_list, cpus_text

ISOLATED = "sys/devices/system/cpu/isolated"
ROLES = ("hot", "irq", "housekeeping")
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def find_roles(host: Host) -> Roles:
    """Roles by what the host says of itself. HostError when it does not say which CPUs it has."""
    online = host.cpus()
    if not online:
        raise HostError("this host does not say which CPUs are online")
    try:
        isolated = [cpu for cpu in cpu_list(host.tree.text(ISOLATED)) if cpu in online]
    except Absent:
        isolated = []
    hot = isolated or online[(len(online) + 1) // 2 :]
    rest = [cpu for cpu in online if cpu not in hot] or online[:1]
    return Roles(tuple(hot), tuple(rest), tuple(rest))


def stated_roles(host: Host, stated: Mapping[str, str]) -> Roles:
    """Roles as an inventory has them; what it leaves open is found. HostError for a CPU not there.

    Interrupts go to the housekeeping CPUs unless they have CPUs of their own.
    """
    found, online = find_roles(host), host.cpus()
    lists: dict[str, tuple[int, ...]] = {}
    for role, text in stated.items():
        try:
            lists[role] = tuple(cpu_list(text))
        except Absent as why:
            raise HostError(f"cores.{role}: {why}") from None
        missing = [cpu for cpu in lists[role] if cpu not in online]
        if missing:
            raise HostError(f"cores.{role}: CPU {missing[0]} is not online here")
    hot = lists.get("hot", found.hot)
    rest = tuple(cpu for cpu in online if cpu not in hot)
    housekeeping = lists.get("housekeeping") or rest or found.housekeeping
    both = set(hot) & set(housekeeping)
    if both and len(online) > 1:
        raise HostError(f"cores: CPU {min(both)} is both hot and housekeeping")
    return Roles(hot, lists.get("irq") or housekeeping, housekeeping)


def fill_in(text: str, roles: Roles) -> str:
    """`${hot}` and the other roles as lists of CPUs. HostError for a name that is no role."""

    def one(match: re.Match[str]) -> str:
        if match[1] not in ROLES:
            raise HostError(f"${{{match[1]}}}: no such role; there are: {', '.join(ROLES)}")
        return cpus_text(getattr(roles, match[1]))

    return _VARIABLE.sub(one, text)


def fill_value(value: object, roles: Roles) -> object:
    """A value with `${hot}` and the like filled in, at any depth. HostError for an unknown one."""
    if isinstance(value, str):
        return fill_in(value, roles)
    if isinstance(value, Mapping):
        return {str(key): fill_value(one, roles) for key, one in value.items()}
    return value
