"""The plot: how many times as fast as the published release everybody is, one panel for each database."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from html import escape

from .report import figure, number
from .results import Results
from .rows import ROWS

LABELS, PANEL, GAP = 300, 250, 40  # widths
TOP, LINE, BOTTOM = 84, 22, 64  # heights

HEAD = "Times as fast as django-celery-results 2.6.0"

#: Decades of the axis: a tenth of the published release's speed to a thousand times.
LOWEST, HIGHEST = -1, 3

#: Contestant -> an SVG path around the origin, colour (from Okabe and Ito's palette, which colour-blind people
#: can tell apart too), whether it is filled.
MARKS = {
    "floor": ("M-1.5,-7H1.5V7H-1.5Z", "#888888", True),
    "sqlalchemy": ("M0,-5L5,4H-5Z", "#009e73", False),
    "redis": ("M0,-5.5L5.5,0L0,5.5L-5.5,0Z", "#d55e00", False),
    "notify": ("M-5,0A5,5 0 1,0 5,0A5,5 0 1,0 -5,0Z", "#0072b2", False),
    "ours": ("M-5,0A5,5 0 1,0 5,0A5,5 0 1,0 -5,0Z", "#0072b2", True),
}
STYLE = """
  svg { background: #ffffff; font: 12px system-ui, sans-serif; }
  text { fill: #222222; } .quiet { fill: #666666; }
  .grid { stroke: #e4e4e4; } .published { stroke: #222222; } .target { stroke: #cc79a7; stroke-width: 3; }
  .empty { fill: #ffffff; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    svg { background: #16181c; } text { fill: #e6e6e6; } .quiet { fill: #a0a0a0; }
    .grid { stroke: #33363c; } .published { stroke: #e6e6e6; } .empty { fill: #16181c; }
  }
"""


def draw(measured: list[Results], facts: Mapping[str, str]) -> str:
    """Return an SVG document without any dependency."""
    rows = list(dict.fromkeys(name for results in measured for name in results.cells))
    width = LABELS + len(measured) * (PANEL + GAP)
    height = TOP + len(rows) * LINE + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">',
        f"<title>{HEAD}</title>",
        f"<style>{STYLE}</style>",
        f'<text x="8" y="22" font-size="15">{HEAD} (further right is faster)</text>',
        *_legend(measured),
    ]
    for line, name in enumerate(rows):
        parts.append(f'<text x="8" y="{_y(line) + 4}">{escape(ROWS[name].title)}</text>')
    for number_of_panel, results in enumerate(measured):
        left = LABELS + number_of_panel * (PANEL + GAP)
        parts.append(f'<g transform="translate({left},0)">')
        parts += _axis(results, len(rows))
        for line, name in enumerate(rows):
            parts += _row(results, name, line)
        parts.append("</g>")
    said = ", ".join(f"{name} {value}" for name, value in facts.items())
    parts.append(f'<text class="quiet" x="8" y="{height - 10}" font-size="11">{escape(said)}</text>')
    parts.append("</svg>\n")
    return "\n".join(parts)


def _legend(measured: list[Results]) -> Iterator[str]:
    """Yield the marks with their names."""
    titles = {name: title for results in measured for name, title in results.contestants.items()}
    x = 16
    for name in reversed(MARKS):
        if name in titles:
            yield f'<g transform="translate({x},42)">{_mark(name)}<text x="10" y="4">{escape(titles[name])}</text></g>'
            x += 34 + 7 * len(titles[name])
    yield f'<path class="target" d="M{x},35V49"/><text x="{x + 8}" y="46">wanted of ours</text>'


def _axis(results: Results, lines: int) -> Iterator[str]:
    """Yield the head and the grid of a panel."""
    bottom = TOP + lines * LINE
    title, _, detail = results.title.partition(", ")
    yield f'<text x="10" y="{TOP - 22}">{escape(title)}</text>'
    yield f'<text class="quiet" x="10" y="{TOP - 8}" font-size="11">{escape(detail)}</text>'
    for decade in range(LOWEST, HIGHEST + 1):
        kind = "published" if decade == 0 else "grid"
        yield f'<path class="{kind}" d="M{_x(10**decade):.1f},{TOP}V{bottom}"/>'
        yield (
            f'<text class="quiet" x="{_x(10**decade):.1f}" y="{bottom + 14}" text-anchor="middle" font-size="11">'
            f"{10.0**decade:g}</text>"
        )


def _row(results: Results, name: str, line: int) -> Iterator[str]:
    """Yield the marks of one row in one panel."""
    y = _y(line)
    for target in ROWS[name].targets:
        if target.measure == "times_published" and name in results.cells:
            yield f'<path class="target" d="M{_x(target.bound_for(results.database)):.1f},{y - 8}v16"/>'
    cells = results.cells.get(name, {})
    if "published" in cells and cells["published"].error:
        yield f'<text class="quiet" x="{_x(1) + 8:.1f}" y="{y + 4}" font-size="11">2.6.0 failed</text>'
    for contestant in MARKS:
        times = results.times_as_fast(name, contestant, "published")
        if times is None:
            continue
        told = (
            f"{results.contestants[contestant]}: {figure(ROWS[name], cells[contestant])}, {number(times)} times 2.6.0"
        )
        yield f'<g transform="translate({_x(times):.1f},{y})"><title>{escape(told)}</title>{_mark(contestant)}</g>'


def _mark(contestant: str) -> str:
    path, colour, is_filled = MARKS[contestant]
    look = f'fill="{colour}"' if is_filled else f'class="empty" stroke="{colour}"'
    return f'<path d="{path}" {look}/>'


def _x(times: float) -> float:
    """Return the place of a ratio on a panel's axis; what is beyond its ends stays at them."""
    share = (math.log10(times) - LOWEST) / (HIGHEST - LOWEST)
    return min(max(share, 0), 1) * (PANEL - 20) + 10


def _y(line: int) -> float:
    """Return the middle of a row."""
    return TOP + (line + 0.5) * LINE
