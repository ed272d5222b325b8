"""Evidence of rows that no measurement fills: what tools said, what people signed, what was waived.

A tool's clean result counts when it ran to its end and found what was planted for it: a leak
checker that cannot see a leak proves nothing. Every skipped part is printed with its reason.
"""

from __future__ import annotations

from typing import Any

from harness.report.evidence import Evidence, Json
from harness.report.figures import NOT_AVAILABLE, value_text
from harness.report.page import Delivered, Table, text_of


def delivered(evidence: Evidence) -> Delivered:
    return Delivered(
        quality=_quality(evidence),
        skipped=_skipped(evidence),
        people=_people(evidence),
        waivers=waiver_table(evidence.run),
        claims=_claims(evidence.run),
    )


def _tools(evidence: Evidence) -> list[Json]:
    tools = evidence.quality.get("tools")
    return [t for t in tools if isinstance(t, dict)] if isinstance(tools, list) else []


def _quality(evidence: Evidence) -> Table:
    rows = []
    for tool in _tools(evidence):
        rows.append(
            [
                text_of(tool.get("title") or tool.get("row")),
                " ".join(filter(None, (text_of(tool.get("tool"), ""), _version(tool)))),
                _value(tool),
                text_of(tool.get("complete"), "not said"),
                _control(tool),
            ]
        )
    heads = ["row", "tool", "result", "ran to its end", "planted fault"]
    return Table(heads, rows)


def _version(tool: Json) -> str:
    return text_of(tool.get("version"), "")


def _value(tool: Json) -> str:
    value = tool.get("value")
    if not isinstance(value, int | float):
        return text_of(value)
    shown = value_text(float(value), str(tool.get("unit") or ""))
    good, total = tool.get("good"), tool.get("all")
    return f"{shown} ({good} of {total})" if good is not None and total is not None else shown


def _control(tool: Json) -> str:
    """Whether it found what was planted; a tool without a control says so."""
    found = tool.get("control_found")
    what = text_of(tool.get("control"), "")
    if found is None:
        return "none applies"
    named = f" ({what})" if what else ""
    return f"found{named}" if found else f"NOT FOUND{named}: the result proves nothing"


def _skipped(evidence: Evidence) -> Table:
    rows = [
        [
            text_of(tool.get("title") or tool.get("row")),
            text_of(_part(skip, "what")),
            text_of(_part(skip, "reason"), "no reason given"),
        ]
        for tool in _tools(evidence)
        for skip in tool.get("skipped") or []
    ]
    return Table(["row", "skipped", "reason"], rows)


def _part(record: Any, key: str) -> Any:
    return record.get(key) if isinstance(record, dict) else record if key == "what" else None


def _people(evidence: Evidence) -> Table:
    """Rows that a person filled, by whom and on what; unsigned ones say why they do not count."""
    rows = []
    for measurement in evidence.run.get("measurements", []):
        identifier = str(measurement.get("id", ""))
        if not identifier.startswith("delivery."):
            continue
        facts: Json = measurement.get("facts") or {}
        value = facts.get("value")
        rows.append(
            [
                identifier.removeprefix("delivery.").replace("_", " "),
                NOT_AVAILABLE
                if value is None
                else value_text(float(value), str(measurement.get("unit") or "")),
                text_of(facts.get("who"), "nobody"),
                text_of(facts.get("when"), ""),
                text_of(facts.get("evidence"), ""),
                text_of(facts.get("signed_by"), "") or text_of(facts.get("missing"), "not signed"),
            ]
        )
    return Table(["row", "says", "who", "when", "evidence", "signed by"], rows)


def waiver_table(run: Json) -> Table:
    """Every waiver that was given, the ones that did not hold among them."""
    rows = []
    for waiver in run.get("verdict", {}).get("waivers") or []:
        by = ", ".join(filter(None, (text_of(waiver.get(k), "") for k in ("name", "role"))))
        was = text_of(waiver.get("was"), "")
        rows.append(
            [
                text_of(waiver.get("title") or waiver.get("row")),
                by,
                text_of(waiver.get("reason")),
                f"{text_of(waiver.get('date'))} to {text_of(waiver.get('expires'))}",
                text_of(waiver.get("signed_by"), "not signed"),
                (f"yes, it was {was}" if was else "yes")
                if waiver.get("used")
                else f"no: {text_of(waiver.get('note'), 'not needed')}",
            ]
        )
    return Table(["row", "by", "reason", "holds", "signed by", "used"], rows)


def _claims(run: Json) -> list[tuple[str, str, str]]:
    """(text, state, reason) of what is claimed of several rows together."""
    return [
        (str(c.get("text") or ""), str(c.get("state") or "MISSING"), str(c.get("reason") or ""))
        for c in run.get("verdict", {}).get("claims") or []
    ]
