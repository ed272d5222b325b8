"""From a run directory to something a person signs: one HTML file, one page of terminal text."""

from __future__ import annotations

from harness.report.evidence import ReportError
from harness.report.html import render, write_report
from harness.report.text import scorecard

__all__ = ["ReportError", "render", "scorecard", "write_report"]
