"""`redline scenarios`: what can be run, what it would do, and whether it is sound."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from harness.commands.common import Json, ScenarioName, complain, print_json
from harness.errors import ExitCode, RedlineError

DRAFT = "https://json-schema.org/draft/2020-12/schema"

scenarios = typer.Typer(help="What can be run.")


@scenarios.command("list")
def list_scenarios(as_json: Json = False) -> None:
    """Name the scenarios that come with Redline, or lie in ./scenarios.

    Example: redline scenarios list
    """
    from harness.config import units
    from harness.config.loader import project_data
    from harness.config.scenario import load_scenario

    rows: list[dict[str, Any]] = []
    for path in sorted(project_data("scenarios").glob("*.yaml")):
        try:
            one = load_scenario(path)
        except RedlineError as error:
            rows.append({"name": path.stem, "file": str(path), "error": str(error).splitlines()})
            continue
        length = one.measured_ns()
        rows.append({"name": one.name, "file": str(path), "why": one.why, "measured_ns": length})
    if as_json:
        print_json(rows)
        return
    for row in rows:
        said = f"invalid: {row['error'][0]}" if "error" in row else row["why"]
        takes = units.rough_duration(row["measured_ns"]) if "why" in row else ""
        print(f"{Path(row['file']).stem:<20} {takes:>8}  {said}")  # the word that `run` takes


@scenarios.command()
def explain(scenario: ScenarioName, as_json: Json = False) -> None:
    """Say what a scenario would do, for how long, and what it leaves unmeasured.

    Example: redline scenarios explain week1
    """
    from harness.config import units
    from harness.config.loader import project_data
    from harness.config.matrix import load_matrix
    from harness.config.scenario import find_scenario, load_scenario

    path = find_scenario(scenario)
    one = load_scenario(path)
    matrix = load_matrix(project_data(one.matrix, beside=path))
    measures = one.metric_ids()
    missing = matrix.unmeasured(measures)
    if as_json:
        print_json(
            {
                "name": one.name,
                "why": one.why,
                "matrix": matrix.name,
                "measured_ns": one.measured_ns(),
                "steps": [
                    {"name": s.name, "measured_ns": s.measured_ns, "does": s.lines}
                    for s in one.steps()
                ],
                "metrics": sorted(measures),
                "missing": [gate.id for gate in missing],
            }
        )
        return
    print(f"{one.name}: {one.why}\n")
    for step in one.steps():
        print(f"{step.name:<20} {units.rough_duration(step.measured_ns):>8}")
        for line in step.lines:
            print(f"  {line}")
    print(f"{'in all':<20} {units.rough_duration(one.measured_ns()):>8}\n")
    print(f"Judged by {matrix.title}. What this scenario leaves MISSING:")
    for gate in missing:
        print(f"  {gate.title} {gate.target.text}")


@scenarios.command()
def validate(
    files: Annotated[list[str], typer.Argument(metavar="SCENARIO...", help="Scenario files.")],
    as_json: Json = False,
) -> None:
    """Check scenarios and the matrices they name; every fault is a line.

    Example: redline scenarios validate scenarios/*.yaml
    """
    from harness.config.loader import project_data
    from harness.config.matrix import load_matrix
    from harness.config.scenario import find_scenario, load_scenario

    faults: list[str] = []
    for name in files:
        path = find_scenario(name)
        try:
            load_matrix(project_data(load_scenario(path).matrix, beside=path))
        except RedlineError as error:
            faults += str(error).splitlines()
            continue
        if not as_json:
            print(f"{path}: sound")
    if as_json:
        print_json({"faults": faults})
    else:
        complain(*faults)
    raise typer.Exit(ExitCode.USAGE if faults else ExitCode.READY)


@scenarios.command()
def schema(
    matrix: Annotated[bool, typer.Option("--matrix", help="The schema of a matrix.")] = False,
) -> None:
    """Print the JSON Schema of a scenario file, for an editor's completion.

    Example: redline scenarios schema > scenario.schema.json
    """
    from harness.config.matrix import Matrix
    from harness.config.scenario import Scenario

    model = Matrix if matrix else Scenario
    print_json({"$schema": DRAFT, **model.model_json_schema()})
