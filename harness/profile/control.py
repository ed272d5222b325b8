"""A parser that is slower by a known number of instructions: the count must move by just that."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from harness.profile.count import PROGRAM, Tree, compile_words, count
from harness.quality.found import Control
from harness.quality.program import Absent, must

COMPONENT = "fix.parse"
N_PLANTED = 16
_SOURCE = "csrc/market/fix/parse.c"
_PLACE = "    return chosen_parse(m, bytes, n_bytes);\n"
_ARCHIVES = ("rig", "session", "market", "trade", "net", "base")


def control(tree: Tree, n_planted: int = N_PLANTED) -> Control:
    """Counts the parser as it is and with the instructions planted."""
    with TemporaryDirectory() as scratch:
        slow = _planted(tree, n_planted, Path(scratch))
        as_is, slower = (count(program, COMPONENT) for program in (tree.program, slow))
    said = f"{N_PLANTED} instructions a message, planted in {_SOURCE}"
    moved = slower.instructions - as_is.instructions
    return Control(said, slower.answer == as_is.answer and moved == N_PLANTED * as_is.n_ops)


def _planted(tree: Tree, n: int, scratch: Path) -> Path:
    """The counting program with another parser; Absent when the code has moved on."""
    text = (tree.source / _SOURCE).read_text()
    if text.count(_PLACE) != 1:
        raise Absent(f"{_SOURCE}: is not what the control was made for")
    nops = f'    __asm__ volatile(".rept {n}\\n\\tnop\\n\\t.endr");\n'
    changed, made = scratch / "parse.c", scratch / "parse.o"
    changed.write_text(text.replace(_PLACE, nops + _PLACE))
    words = compile_words(tree, _SOURCE)
    words[words.index("-o") + 1] = str(made)
    words[words.index("-c") + 1] = str(changed)
    beside = ["-I", str((tree.source / _SOURCE).parent)]
    must([*words, *beside], cwd=tree.build)
    # Before the archives: the linker then has its symbols, and leaves out the member.
    program = scratch / "count_component"
    own = tree.build / "tests/c/CMakeFiles/count_component.dir" / f"{Path(PROGRAM).name}.c.o"
    archives = [str(tree.build / f"librl_{layer}.a") for layer in _ARCHIVES]
    wrapped = ("malloc", "calloc", "realloc", "aligned_alloc", "free")
    wraps = ["-Wl,-u,__wrap_malloc", *(f"-Wl,--wrap={name}" for name in wrapped)]
    link = [words[0], *wraps, str(own), str(made), "-Wl,--start-group", *archives]
    must([*link, "-Wl,--end-group", "-lpthread", "-lm", "-o", str(program)], cwd=tree.build)
    return program
