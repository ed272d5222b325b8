"""One-operator mutants of C text: what may be changed, where, and the text after it.

The operators are the sufficient set of Offutt et al. 1996 as far as C text shows them without a
parser: relational, logical and arithmetic operators, and constants off by one.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace

# What an operator becomes. `<` as a bracket (#include) and `*` (a pointer, too) are left alone.
_SWAPS = {
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
    "==": ("!=",),
    "!=": ("==",),
    "&&": ("||",),
    "||": ("&&",),
    "+": ("-",),
    "-": ("+",),
    "+=": ("-=",),
    "-=": ("+=",),
    "<<": (">>",),
    ">>": ("<<",),
    "|=": ("&=",),
    "&=": ("|=",),
}
# Operators stand between blanks (clang-format sees to it), so that signs and arrows are none.
_OPERATOR = re.compile(r"(?<= )(<=|>=|==|!=|&&|\|\||\+=|-=|<<|>>|\|=|&=|[<>+-])(?=[ \n])")
_NUMBER = re.compile(r"(?<![\w.])(?:0|[1-9]\d*)(?![\w.])")
_QUIET = re.compile(
    r"/\*.*?\*/|//[^\n]*"  # comments
    r"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"  # strings, characters
    r"|^[ \t]*#(?:[^\n\\]|\\.|\\\n)*"  # the preprocessor
    r"|\b(?:_Static_assert|static_assert|assert)\s*\([^;]*;",  # promises, not work
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Mutant:
    """A change of one token: at `offset` of the text, `was` becomes `now`."""

    offset: int
    line: int
    source: str
    was: str
    now: str
    nth: int = 1  # of the same change in the same line

    def of(self, text: str) -> str:
        """The text with the change in it."""
        return text[: self.offset] + self.now + text[self.offset + len(self.was) :]


def _quiet(text: str) -> str:
    """The text with what is not code blanked, of the same length."""
    return _QUIET.sub(lambda m: re.sub(r"[^\n]", "_", m[0]), text)


def mutants(text: str) -> list[Mutant]:
    """Every mutant of a C file, in the order of the text."""
    code, lines = _quiet(text), text.split("\n")

    def at(offset: int, was: str, now: str) -> Mutant:
        line = code.count("\n", 0, offset) + 1
        return Mutant(offset, line, lines[line - 1].strip(), was, now)

    found = [at(m.start(), m[0], now) for m in _OPERATOR.finditer(code) for now in _SWAPS[m[0]]]
    found += [at(m.start(), m[0], str(int(m[0]) + 1)) for m in _NUMBER.finditer(code)]
    found.sort(key=lambda m: (m.offset, m.now))
    seen: Counter[tuple[int, str, str]] = Counter()
    for i, m in enumerate(found):
        seen[m.line, m.was, m.now] += 1
        found[i] = replace(m, nth=seen[m.line, m.was, m.now])
    return found
