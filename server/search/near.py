"""The special parameter ``near``: places within a distance of a point.

The value is ``latitude|longitude|distance|units``. The unit is one of length in UCUM, kilometres
if there is none; without a distance, 10 km are near. A place is indexed as `geo`, longitude first.
The earth counts as a sphere.

Spec: https://hl7.org/fhir/R4/location.html#search
"""

import re
from typing import NamedTuple

from server.fhir.outcome import BadRequest
from server.search.conditions import Condition
from server.search.parameter import Entries, Environment, Extract, Parameter
from server.search.steps import Json
from server.search.units import Units
from server.search.values import shown, split, unescaped

DEFAULT_DISTANCE = 10_000.0
"""How many metres away is near, unless it is told."""
RADIUS = 6_378_100.0
"""The radius of the earth in metres, as MongoDB has it."""
_FARTHEST = 3.14159
_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,40})?")
_USUAL_NAMES = {"": "km", "mi": "[mi_i]", "nmi": "[nmi_i]", "ft": "[ft_i]", "yd": "[yd_i]"}


class Near(NamedTuple):
    """A point in degrees, and a distance from it in metres."""

    latitude: float
    longitude: float
    distance: float


def extract(_parameter: Parameter, type: str, _environment: Environment) -> Extract | None:
    """Return what indexes values of the FHIR type `type`, None if they are no positions."""
    return _add if type == "Location.position" else None


def condition(parameter: Parameter, text: str, environment: Environment) -> Condition:
    """Return the condition that a place is near what `text` says.

    Raises BadRequest if `text` is not of the form, names a place beyond the globe, or a unit that
    is none of length.
    """
    wanted = parse(parameter, text, environment.units)
    angle = wanted.distance / RADIUS
    if angle >= _FARTHEST:
        return {"geo": {"$exists": True}}
    return {"geo": {"$geoWithin": {"$centerSphere": [[wanted.longitude, wanted.latitude], angle]}}}


def parse(parameter: Parameter, text: str, units: Units) -> Near:
    """Return what `text` says. Raises BadRequest if it cannot be understood."""
    parts = [unescaped(part) for part in split(text, "|")]
    north, east, distance, unit = (*parts, "", "")[:4] if len(parts) in (2, 3, 4) else [""] * 4
    numbers = [float(one) for one in (north, east, distance or "0") if _NUMBER.fullmatch(one)]
    match numbers:
        case [latitude, longitude, length] if _is_on_globe(latitude, longitude) and length >= 0:
            metres = length * _metres(parameter, unit, units) if distance else DEFAULT_DISTANCE
            return Near(latitude, longitude, metres)
    raise BadRequest.because(
        "search-near-invalid", parameter=parameter.code, value=shown(unescaped(text))
    )


def _is_on_globe(latitude: float, longitude: float) -> bool:
    return abs(latitude) <= 90 and abs(longitude) <= 180


def _metres(parameter: Parameter, unit: str, units: Units) -> float:
    conversion = units.conversion(_USUAL_NAMES.get(unit, unit))
    if conversion is None or conversion.canonical != "m":
        raise BadRequest.because(
            "search-near-unit-unknown", parameter=parameter.code, unit=shown(unit)
        )
    return conversion.factor


def _add(value: Json, entries: Entries) -> None:
    match value:
        case {"longitude": int() | float() as east, "latitude": int() | float() as north}:
            if _is_on_globe(north, east):
                entries.scalars["geo"] = [float(east), float(north)]
