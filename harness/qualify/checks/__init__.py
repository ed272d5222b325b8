"""Every rule of a host check, by family, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Mapping

from harness.qualify.checks import cpu, host, irq, kernel, memory, network, noise
from harness.qualify.rows import Rule

FAMILIES: Mapping[str, tuple[Rule, ...]] = {
    "Noise": noise.RULES,
    "Host": host.RULES,
    "CPU and clock": cpu.RULES,
    "Kernel": kernel.RULES,
    "Interrupts": irq.RULES,
    "Memory": memory.RULES,
    "Network": network.RULES,
}
RULES: tuple[Rule, ...] = tuple(rule for rules in FAMILIES.values() for rule in rules)
RULES_BY_ID: Mapping[str, Rule] = {rule.id: rule for rule in RULES}
