"""Configuration files: found, read strictly, checked completely, and every fault named in one line.

A fault reads `file:line: path.to.key: what was seen`, the path counted from 0 in lists. All faults
of a file are reported together, so that a user corrects it once.
"""

from __future__ import annotations

import difflib
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from harness.config import strict_yaml
from harness.config.strict_yaml import Document, Fault, YamlError
from harness.errors import ExitCode, RedlineError, printable

MAX_BYTES = 1 << 20  # a configuration is written by hand; a larger file is the wrong file

Model = TypeVar("Model", bound=BaseModel)


class ConfigError(RedlineError):
    """A configuration that cannot be used: one line a fault."""

    exit_code = ExitCode.USAGE

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class FieldFault(ValueError):
    """A fault that a model finds in a field below itself; `path` leads there from the model."""

    def __init__(self, path: tuple[str | int, ...], text: str) -> None:
        super().__init__(text)
        self.path = path


def project_data(name: str | Path, *, beside: Path | None = None) -> Path:
    """The file that `name` means.

    A relative name is looked for beside the file that mentions it, then in the current directory,
    then in what comes with Redline: the checkout when it runs from one (`pip install -e .`), else
    the copy inside the installed package. A name found nowhere comes back unchanged, for the error
    message.
    """
    path = Path(name)
    if path.is_absolute():
        return path
    package = Path(__file__).resolve().parents[1]
    places = [Path(), package.parent, package / "data"]
    if beside is not None:
        places.insert(0, beside.parent)
    return next((place / path for place in places if (place / path).exists()), path)


def read_text(path: Path) -> str:
    """The text of a configuration file; ConfigError when it is not a small UTF-8 file."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ConfigError(f"{path}: is a directory, not a file")
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{path}: is not a regular file")
        if status.st_size > MAX_BYTES:
            raise ConfigError(
                f"{path}: has {status.st_size} bytes; a configuration has at most {MAX_BYTES}"
            )
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start})") from None
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file{_nearest_file(path)}") from None
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or str(error)).lower()}") from None


def load(path: Path, model: type[Model]) -> Model:
    """The file as a checked model; ConfigError lists everything that is wrong with it."""
    return parse(read_text(path), model, name=str(path))


def parse(text: str, model: type[Model], *, name: str) -> Model:
    """Like load, for text that is already here; `name` stands in the messages."""
    try:
        document = strict_yaml.parse(text)
    except YamlError as error:
        raise ConfigError(*(fault_line(name, fault) for fault in error.faults)) from None
    if not isinstance(document.value, dict):
        raise ConfigError(f"{name}:{document.line_of(())}: is not a mapping of keys to values")
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        schema = model.model_json_schema()
        details = error.errors(include_url=False)
        faults = [_explain(one, document, schema) for one in details if not _only_follows(one)]
    faults.sort(key=lambda fault: fault.line)
    raise ConfigError(*(fault_line(name, fault) for fault in faults))


def _only_follows(detail: ErrorDetails) -> bool:
    """A list that is short for its entries that are wrong: they have lines of their own."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def fault_line(name: str, fault: Fault) -> str:
    """`file:line: path: text`, on one line whatever stands in the file."""
    where = f"{name}:{fault.line}" if fault.line else name
    path = ".".join(str(step) for step in fault.path)
    line = f"{where}: {path}: {fault.text}" if path else f"{where}: {fault.text}"
    return printable(line)


def _explain(detail: ErrorDetails, document: Document, schema: Mapping[str, Any]) -> Fault:
    """One pydantic error as a fault: where it stands in the file, and what was seen there."""
    kind, loc = detail["type"], tuple(detail["loc"])
    ctx = detail.get("ctx", {})
    below: tuple[str | int, ...] = ()
    if isinstance(ctx.get("error"), FieldFault):
        below = ctx["error"].path
    elif kind.startswith("union_tag_"):
        below = (ctx["discriminator"].strip("'"),)
    loc += below
    may_be_absent = bool(below) or kind in ("missing", "extra_forbidden")
    path = _path_in_file(loc, document.value, keep_last=may_be_absent)
    if kind == "extra_forbidden":
        allowed = _keys_at(schema, loc[:-1])
        near = _nearest(str(loc[-1]), allowed)
        return Fault(
            document.line_of(path), path, f"unknown key{near}; allowed: {', '.join(allowed)}"
        )
    return Fault(document.line_of(path), path, _sentence(detail))


def _path_in_file(
    loc: tuple[str | int, ...], value: object, *, keep_last: bool
) -> tuple[str | int, ...]:
    """`loc` without the steps that pydantic adds (the name of the union member it chose)."""
    path: list[str | int] = []
    for i, step in enumerate(loc):
        inside: Any = dict(enumerate(value)) if isinstance(value, tuple) else value
        if isinstance(inside, dict) and step in inside:
            value = inside[step]
            path.append(step)
        elif keep_last and i == len(loc) - 1:
            path.append(step)
    return tuple(path)


def _sentence(detail: ErrorDetails) -> str:
    """What was seen, and what is wanted."""
    kind, seen, ctx = detail["type"], _shown(detail["input"]), detail.get("ctx", {})
    match kind:
        case "missing" | "union_tag_not_found":
            return "is missing"
        case "value_error":
            return str(ctx["error"])
        case "literal_error":
            wanted = str(ctx["expected"])
            return f"not one of {wanted}: {seen}"
        case "union_tag_invalid":
            return f"not one of {ctx['expected_tags']}: '{ctx['tag']}'"
        case "too_short":
            return f"needs at least {ctx['min_length']} of them, has {ctx['actual_length']}"
        case "string_pattern_mismatch":
            return f"must look like {ctx['pattern']}: {seen}"
    want = _WANTED.get(kind)
    if want is not None:
        return f"not {want}: {seen}"
    # "Input should be greater than 0" is pydantic's sentence; ours starts with what must be.
    return f"{detail['msg'].replace('Input should', 'must', 1)}: {seen}"


_WANTED: Mapping[str, str] = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "dict_type": "a mapping of keys to values",
}


def _shown(value: object) -> str:
    """The value as the user wrote it, on one line, not longer than a line."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _nearest(word: str, words: list[str]) -> str:
    found = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return f", did you mean {found[0]!r}?" if found else ""


def _nearest_file(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.suffix == path.suffix]
    except OSError:
        return ""
    return _nearest(path.name, names)


def _keys_at(schema: Mapping[str, Any], loc: tuple[str | int, ...]) -> list[str]:
    """Keys that the model at `loc` takes, read from the JSON schema, which knows every alias."""

    def members(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """What may stand there: of an optional value or a short form each."""
        if "$ref" in node:
            yield from members(schema["$defs"][node["$ref"].rsplit("/", 1)[1]])
        elif "anyOf" in node:
            for one in node["anyOf"]:
                yield from members(one)
        else:
            yield node

    def below(node: Mapping[str, Any], step: str | int) -> Mapping[str, Any]:
        if isinstance(step, int):
            return node.get("items") or {}
        if "discriminator" in node:
            return {"$ref": node["discriminator"]["mapping"][step]}
        # Keys that a user chooses, like names of accounts, all lead to the same model.
        return node.get("properties", {}).get(step) or node.get("additionalProperties") or {}

    nodes = list(members(schema))
    for step in loc:
        nodes = [inner for node in nodes for inner in members(below(node, step))]
    return list(next((node["properties"] for node in nodes if "properties" in node), {}))
