"""A trend as SVG made on the server, so that a page needs no script.

It says in words what it shows; the numbers stand in a table beside it.

Spec: https://www.w3.org/TR/SVG2/struct.html#TitleElement
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

_WIDTH, _HEIGHT = 640.0, 220.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 16.0, 14.0, 30.0
_SPARE = 0.12
_LINES = 4


@dataclass(frozen=True, slots=True)
class Point:
    """One value: `when` in seconds since 1970, `label` its day."""

    when: float
    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Where values and times lie on the picture."""

    low: float
    high: float
    first: float
    last: float

    def x(self, when: float) -> float:
        """Return how far to the right `when` is."""
        share = 0.5 if self.last == self.first else (when - self.first) / (self.last - self.first)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        """Return how far down `value` is."""
        share = (value - self.low) / (self.high - self.low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def chart(
    id: str,
    title: str,
    description: str,
    series: Sequence[Sequence[Point]],
    usual: tuple[float | None, float | None] | None = None,
) -> Markup:
    """Return the picture of `series`, each in the order of time, over the `usual` range.

    `id` names the picture on its page. Nothing is drawn of nothing.
    """
    points = [point for one in series for point in one]
    if not points:
        return Markup()
    scale = _scale(points, usual)
    inside = [_band(scale, usual), _grid(scale), _days(scale, points)]
    inside += [_line(scale, one, number) for number, one in enumerate(series)]
    # Each part is Markup made of numbers and escaped texts.
    return Markup(
        '<svg class="chart" viewBox="0 0 {w:.0f} {h:.0f}" role="img" '
        'aria-labelledby="{id}-t {id}-d">'
        '<title id="{id}-t">{title}</title><desc id="{id}-d">{description}</desc>{inside}</svg>'
    ).format(
        w=_WIDTH,
        h=_HEIGHT,
        id=id,
        title=title,
        description=description,
        inside=Markup().join(inside),
    )


def _scale(points: Sequence[Point], usual: tuple[float | None, float | None] | None) -> Scale:
    values = [point.value for point in points]
    values += [limit for limit in usual or () if limit is not None]
    low, high = min(values), max(values)
    spare = (high - low) * _SPARE or abs(high) * _SPARE or 1.0
    times = [point.when for point in points]
    return Scale(low - spare, high + spare, min(times), max(times))


def _band(scale: Scale, usual: tuple[float | None, float | None] | None) -> Markup:
    if usual is None:
        return Markup()
    low = scale.low if usual[0] is None else usual[0]
    high = scale.high if usual[1] is None else usual[1]
    return Markup(
        '<rect class="usual" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'
    ).format(_LEFT, scale.y(high), _WIDTH - _LEFT - _RIGHT, max(0.0, scale.y(low) - scale.y(high)))


def _grid(scale: Scale) -> Markup:
    parts = []
    for number in range(_LINES + 1):
        value = scale.low + (scale.high - scale.low) * number / _LINES
        y = scale.y(value)
        parts.append(
            Markup(
                '<line class="grid" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
                '<text class="axis" x="{x:.1f}" y="{t:.1f}" text-anchor="end">{value}</text>'
            ).format(
                x1=_LEFT,
                x2=_WIDTH - _RIGHT,
                y=y,
                x=_LEFT - 6,
                t=y + 4,
                value=_short(value, scale.high - scale.low),
            )
        )
    return Markup().join(parts)


def _short(value: float, span: float) -> str:
    places = 0 if span >= 20 else 1 if span >= 2 else 2
    return f"{value:.{places}f}"


def _days(scale: Scale, points: Sequence[Point]) -> Markup:
    first, last = min(points, key=lambda one: one.when), max(points, key=lambda one: one.when)
    text = Markup('<text class="axis" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    y = _HEIGHT - 8
    if first.label == last.label:
        return text.format(scale.x(first.when), y, "middle", first.label)
    return text.format(_LEFT, y, "start", first.label) + text.format(
        _WIDTH - _RIGHT, y, "end", last.label
    )


def _line(scale: Scale, points: Sequence[Point], number: int) -> Markup:
    places = [(scale.x(one.when), scale.y(one.value), one) for one in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in places)
    dots = Markup().join(
        Markup('<circle cx="{:.1f}" cy="{:.1f}" r="4"><title>{}</title></circle>').format(
            x, y, f"{one.label}: {one.value:g}"
        )
        for x, y, one in places
    )
    return Markup('<g class="series series-{}"><polyline points="{}"/>{}</g>').format(
        number, path, dots
    )
