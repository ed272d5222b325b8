"""Every fact by its name, and a look that reads them all."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import RedlineError
from harness.tuning.facts import (
    clock,
    cpu,
    host,
    idle,
    irq,
    kernel,
    load,
    memory,
    nic,
    numa,
    process,
    tasks,
    tools,
)
from harness.tuning.facts.base import Fact, Look, Readers, Value
from harness.tuning.tree import Absent

MAX_REASON_CHARS = 200

READERS: Readers = {
    **host.READERS,
    **kernel.READERS,
    **cpu.READERS,
    **idle.READERS,
    **irq.READERS,
    **clock.READERS,
    **memory.READERS,
    **numa.READERS,
    **nic.READERS,
    **process.READERS,
    **tools.READERS,
    **tasks.READERS,
    **load.READERS,
}


def facts_of(look: Look) -> dict[str, Fact]:
    """Every fact that one look at a host gives."""
    return {name: fact_of(look, name) for name in READERS}


def fact_of(look: Look, name: str) -> Fact:
    """One fact; never an error, whatever the host says. KeyError for no name of a fact."""
    source, read = READERS[name]
    try:
        return Fact(_encodable(read(look, source)), source)
    except Absent as why:
        reason = str(why)
    except (RedlineError, OSError) as error:
        reason = str(error)
    except (ValueError, LookupError, ArithmeticError) as error:
        reason = f"not understood: {error}"
    return Fact(None, source, str(_encodable(reason[:MAX_REASON_CHARS])))


def _encodable(value: Value) -> Value:
    """Names of files may hold bytes that are no UTF-8; no file and no connection takes those."""
    if isinstance(value, str):
        return value.encode(errors="surrogateescape").decode(errors="replace")
    if isinstance(value, Mapping):
        return {str(_encodable(key)): str(_encodable(one)) for key, one in value.items()}
    if isinstance(value, list):
        return [_encodable(one) if isinstance(one, str) else one for one in value]  # type: ignore[return-value]
    return value
