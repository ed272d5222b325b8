"""Whether a signature may rest on a host: what is known about it, held against what it takes.

    qualification = qualify(facts, noise["floor"], {"engine": 3, "rig": 2})
    qualification.qualified, qualification.reasons

Rows look at values that took effect and never at words: the CPUs that the kernel isolated, not the
argument that asked for it. What could not be read was not shown: it never counts as good.
"""

from __future__ import annotations

from harness.qualify.rows import Level, Row, State
from harness.qualify.verdict import Qualification, qualify

__all__ = ["Level", "Qualification", "Row", "State", "qualify"]
