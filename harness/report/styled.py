"""A page whose drawings carry their own style, for printers that do not let one of the page in.

WeasyPrint draws each `<svg>` as a document of its own: the style sheet of the page, its variables
and the symbols of another drawing are not known there. So they are written into each.
"""

from __future__ import annotations

import re

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_VARIABLES = re.compile(r"--([a-z]+): ([^;]+);")
_SYMBOL = re.compile(r'<symbol id="([^"]+)" viewBox="0 0 14 14">(.*?)</symbol>', re.DOTALL)
_USE = re.compile(r'<use href="#([^"]+)"/>')
_FIRST, _LAST = "/* charts */", "@media screen and (max-width"


def with_styled_drawings(page: str) -> str:
    """The same page; one without a style sheet is left as it is."""
    style = _STYLE.search(page)
    if style is None:
        return page
    sheet = style[1]
    light = dict(_VARIABLES.findall(sheet.partition(":root {")[2].partition("\n}")[0]))
    rules = sheet.partition(_FIRST)[2].partition(_LAST)[0]
    rules = re.sub(r"var\(--([a-z]+)\)", lambda found: light.get(found[1], "inherit"), rules)
    # The shorthand `font` is for pages; in a drawing size and family stand apart.
    rules += f"text {{ font-size: 11px; font-family: sans-serif; }} .t {{ fill: {light['soft']}; }}"
    symbols = dict(_SYMBOL.findall(page))
    for _ in range(2):  # a verdict's symbol is that of a state
        page = _USE.sub(lambda found: symbols.get(found[1], ""), page)
    return re.sub(r"<svg[^>]*>", lambda found: f"{found[0]}<style>{rules}</style>", page)
