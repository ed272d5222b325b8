"""FIX versions: which one a script is for, and where its dictionary is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.conformance.script import Kind, Script
from harness.errors import RedlineError

ROOT = Path(__file__).parents[2]
TRANSPORT = "FIXT11.xml"


@dataclass(frozen=True, slots=True)
class Version:
    """A version: its name in files, its BeginString, who plays it, and its ApplVerID."""

    name: str
    begin_string: str
    client: str
    appl_ver_id: str = ""


VERSIONS: Mapping[str, Version] = {
    v.name: v
    for v in (
        Version("FIX40", "FIX.4.0", "TW40"),
        Version("FIX41", "FIX.4.1", "TW41"),
        Version("FIX42", "FIX.4.2", "TW42"),
        Version("FIX43", "FIX.4.3", "TW43"),
        Version("FIX44", "FIX.4.4", "TW44"),
        Version("FIX50", "FIXT.1.1", "TW50", "7"),
        Version("FIX50SP1", "FIXT.1.1", "TW50SP1", "8"),
        Version("FIX50SP2", "FIXT.1.1", "TW50SP2", "9"),
    )
}


def named(text: str) -> Version:
    """By a name such as fix44, FIX.4.4 or 5.0SP2. RedlineError for one that is none."""
    letters = re.sub(r"[^0-9A-Z]", "", text.upper())
    version = VERSIONS.get("FIX" + letters.removeprefix("FIX"))
    if version is None:
        raise RedlineError(f"no version {text!r}: one of {', '.join(VERSIONS)}")
    return version


def candidates(script: Script) -> list[Version]:
    """What a script may be for, the likeliest first; none when nothing tells.

    By the folder, when it agrees with what is sent; else by BeginString, names and ApplVerID.
    """
    # What a script begins with may be wrong on purpose.
    known = {version.begin_string for version in VERSIONS.values()}
    begins = [b for b in script.values(8) + script.values(8, Kind.EXPECT) if b in known]
    folders = [VERSIONS.get(part.upper()) for part in script.path.resolve().parent.parts]
    folder = next((v for v in reversed(folders) if v is not None), None)
    if folder is not None and (not begins or folder.begin_string in begins):
        return [folder]
    if not begins:
        return []
    possible = [v for v in VERSIONS.values() if v.begin_string == begins[0]]
    clients = {*script.values(49), *script.values(56, Kind.EXPECT)}
    ids = {*script.values(1137), *script.values(1128), *script.values(1137, Kind.EXPECT)}
    by_client = [v for v in possible if v.client in clients]
    by_id = [v for v in possible if v.appl_ver_id in ids]
    return by_client or by_id or possible


class Shelf:
    """Where dictionaries are: the folder that was named, or the first that holds what is wanted."""

    def __init__(self, named: Path | None, scripts: Iterable[Path]) -> None:
        self.folders: Sequence[Path] = (named,) if named is not None else _near(scripts)

    def find(self, file: str) -> Path | None:
        return next((f / file for f in self.folders if (f / file).is_file()), None)

    def paths(self, version: Version) -> tuple[Path, Path | None]:
        """Of the application's dictionary and the transport's. RedlineError says what is not there
        and where it was looked for."""
        wanted = [f"{version.name}.xml", *([TRANSPORT] if version.appl_ver_id else [])]
        found = [self.find(file) for file in wanted]
        missing = [f for f, path in zip(wanted, found, strict=True) if path is None]
        if missing:
            places = ", ".join(str(folder) for folder in self.folders)
            raise RedlineError(
                f"no dictionary {' and '.join(missing)} in {places}: name its folder with "
                "--dictionaries DIR"
            )
        paths = [path for path in found if path is not None]
        return paths[0], paths[1] if len(paths) > 1 else None


def _near(scripts: Iterable[Path]) -> Sequence[Path]:
    places: dict[Path, None] = {}
    for path in scripts:
        path = path.resolve()
        for folder in (path, *path.parents):
            if (folder / "dictionaries").is_dir():
                places[folder / "dictionaries"] = None
    if data := os.environ.get("REDLINE_DATA"):
        places[Path(data) / "fix" / "dictionaries"] = None
    places[ROOT.parent / "shared" / "data" / "fix" / "dictionaries"] = None
    places[Path("..") / "shared" / "data" / "fix" / "dictionaries"] = None
    return tuple(places)
