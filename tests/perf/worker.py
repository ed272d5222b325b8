"""The process that measures ours: told by lines of JSON what to measure, answers in kind.

    {"operation": "fix.parse", "input": "nos_1k", "regime": "stream", "cpu": 1, "tsc_hz": ...,
     "seconds": 0.2, "made": false}

Started afresh for every round, so that address layout and page placement differ from one to the
next. Inputs are kept: reading a capture again would only take time.
"""

from __future__ import annotations

import gc
import json
import sys
from typing import Any

from perf import heats, inputs

import engine
from engine import component
from engine.clock import Clock
from harness.bench.reports import histogram_json

WARMUP_MAX_NS = 300_000_000
# Each of many that differ in one condition: a quarter of the time, and as little to warm up.
ONE_OF_MANY = 4
SEED = 1


def measure(order: dict[str, Any]) -> dict[str, Any]:
    """The result, or `error`: a sentence."""
    one = inputs.get(order["input"], order["made"])
    rules = None
    if order["operation"] == "fix.validate":
        name = heats.DICTIONARIES.get(order["input"], heats.DEFAULT_DICTIONARY)
        rules = inputs.dictionary(name)
        if rules is None:
            return {"error": f"fix/dictionaries/{name}.xml is not there"}
    operation, way, share = order["operation"], "", 1
    if operation.startswith(heats.REFUSE):
        operation, way, share = heats.REFUSE[:-1], operation.removeprefix(heats.REFUSE), ONE_OF_MANY
    try:
        found = component.measure(
            operation,
            order["regime"],
            cpu=order["cpu"],
            duration_ns=int(order["seconds"] * 1e9) // share,
            clock=Clock(order["tsc_hz"], 0, 0),
            seed=SEED,
            stream=one.stream,
            dictionary=rules,
            warmup_max_ns=WARMUP_MAX_NS // share,
            n_instruments=one.n_instruments,
            n_orders=one.n_orders,
            refused_for=way,
        )
    except engine.EngineError as error:
        return {"error": f"{error.strerror or error}"}
    return {
        "per_op": histogram_json(found.hists["per_op"]),
        "pair": histogram_json(found.hists["pair"]),
        "chain_mticks": found.hists["chain"].percentile(50),
        "batch_mticks": found.hists["tput"].percentile(50),
        "facts": found.facts,
    }


def main() -> None:
    gc.disable()  # nothing may run beside what is measured
    for line in sys.stdin:
        print(json.dumps(measure(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
