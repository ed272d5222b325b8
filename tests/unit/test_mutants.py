"""The mutation run: what it changes, and that it tells a tested line from an untested one."""

from pathlib import Path

import pytest
from mutation import __main__ as run
from mutation import bench as benches
from mutation.mutants import mutants

TEXT = """#include <a.h>
/* 1 < 2 */
static const char *s = "3 + 4";
int f(int a, const int *p)
{
    return a < 10 && p->x - a == 07 ? -1 : 0x10;
}
"""


def test_mutants_are_of_code_alone() -> None:
    """Comments, strings, includes, arrows, signs, octal and hexadecimal numbers are left alone."""
    assert [(m.line, m.was, m.now) for m in mutants(TEXT)] == [
        (6, "<", "<="), (6, "<", ">="), (6, "10", "11"), (6, "&&", "||"), (6, "-", "+"),
        (6, "==", "!="), (6, "1", "2"),
    ]  # fmt: skip


def test_a_mutant_changes_one_token() -> None:
    first = mutants(TEXT)[0]
    assert first.of(TEXT) == TEXT.replace("a < 10", "a <= 10")


def test_declared_equivalents_are_of_lines_that_are_there() -> None:
    """An equivalent whose line has changed would hide a mutant that nobody has looked at."""
    keys = run.declared()
    for file in {key[0] for key in keys}:
        found = {run.key_of(file, m) for m in mutants((benches.ROOT / file).read_text())}
        assert [key for key in keys if key[0] == file and key not in found] == []


def test_the_same_change_twice_in_a_line_is_two_mutants() -> None:
    """A reason for the one is none for the other."""
    found = [(m.was, m.nth) for m in mutants("a = b + 0 + c + 0;\na = b + 0;\n")]
    assert found == [("+", 1), ("0", 1), ("+", 2), ("+", 3), ("0", 2), ("+", 1), ("0", 1)]


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file and tests of our own, in the place of the project's."""
    flags = {"dev": ("-O2",), "asan": ("-O1", "-fsanitize=address")}
    for build in flags:
        (tmp_path / build).mkdir()
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(benches, "BUILDS", tmp_path)
    monkeypatch.setattr(benches, "_compile_command", lambda build, _: ["cc", *flags[build]])
    monkeypatch.setattr(
        benches,
        "_link_command",
        lambda build, name: ["cc", *flags[build], str(tmp_path / f"{name}.c"), "-o", name],
    )
    (tmp_path / "ignores.c").write_text("int main(void) { return 0; }\n")
    return tmp_path


def test_fates(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = own / "f.c"
    source.write_text("int f(int a)\n{\n    return a + 1;\n}\n")
    test = "int f(int a); int main(void) { return f(%d) != %d; }\n"
    (own / "knows.c").write_text(test % (1, 2))
    (own / "wrong.c").write_text(test % (1, 3))
    chosen = mutants(source.read_text())

    assert [o.fate for o in run.judge("f.c", ("ignores", "knows"), chosen)] == ["killed"] * 2
    assert [o.fate for o in run.judge("f.c", ("ignores",), chosen)] == ["survived"] * 2
    with pytest.raises(benches.BenchError, match="wrong fails unchanged"):
        run.judge("f.c", ("wrong",), chosen)
    reasons = {run.key_of("f.c", m): "nobody asks" for m in chosen}
    monkeypatch.setattr(run, "declared", lambda: reasons)
    assert [o.fate for o in run.judge("f.c", ("ignores",), chosen)] == ["equivalent"] * 2


def test_what_survives_is_asked_again_where_a_byte_out_of_bounds_is_seen(own: Path) -> None:
    """The sanitized tests are part of make test, so what they notice is noticed."""
    source = own / "f.c"
    source.write_text("void f(int *a)\n{\n    a[0] = a[1] = 7;\n}\n")
    (own / "calls.c").write_text(
        "void f(int *a); int main(void) { static int a[2]; f(a); return a[0] != 7; }\n"
    )
    beyond = [m for m in mutants(source.read_text()) if m.was == "1"]
    (outcome,) = run.judge("f.c", ("ignores", "calls"), beyond)
    assert (outcome.fate, outcome.by) == ("killed", "by calls, sanitized")


def test_a_component_that_survives_too_much_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    mutant = mutants(TEXT)[0]
    outcome = run.Outcome("f.c", mutant, "survived", "")
    monkeypatch.setattr("sys.argv", ["mutants", "--only", "risk"])
    monkeypatch.setattr(run, "_component", lambda *_: [outcome])
    assert run.main() == 1
    monkeypatch.setattr(run, "_component", lambda *_: [])
    assert run.main() == 1  # nothing judged proves nothing
