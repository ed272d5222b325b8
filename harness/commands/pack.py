"""`redline pack`: a run as one file that can be checked anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.common import Json, RunPath, print_json


def pack(
    run_dir: RunPath,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="By default <run>.tar.zst beside it."),
    ] = None,
    sign: Annotated[
        Path | None,
        typer.Option("--sign", metavar="KEY", help="Sign it with this SSH key (ssh-keygen -Y)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Put everything about a run into one file, with a manifest of every hash.

    `redline verify FILE` checks it without the machine that it came from.

    Example: redline pack runs/20260101T120000Z-0a1b2c --sign ~/.ssh/id_ed25519
    """
    from harness.pack import pack as packing
    from harness.run.artifacts import open_run, sha256_of

    run = open_run(run_dir).resolve()
    path = packing.pack(run, out or run.with_name(run.name + packing.SUFFIX), key=sign)
    digest, signed = sha256_of(path), sign is not None
    if as_json:
        print_json({"pack": str(path), "sha256": digest, "signed": signed})
    else:
        print(f"{path}: {path.stat().st_size:,} bytes, sha256 {digest}")
        print("signed" if signed else "not signed: --sign KEY would")
