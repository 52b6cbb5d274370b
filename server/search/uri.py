"""Search parameters of type uri: equal character by character, or above or below in a path.

A canonical URL with a version (``url|1.0``) is indexed without it, too. Paths go by whole
segments: ``http://a/b`` is above ``http://a/b/c`` and not above ``http://a/bc``.

Spec: https://hl7.org/fhir/R4/search.html#uri
"""

import re

from server.fhir.outcome import BadRequest
from server.search.conditions import Condition, any_of
from server.search.parameter import Entries, Environment, Extract, Parameter
from server.search.steps import Json
from server.search.values import LONGEST_TERM, compared, shown, unescaped

CANONICAL_TYPES = frozenset({"canonical", "uri"})
_SEGMENTS = 64
_JUST_AFTER_SLASH = "0"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]")
_TYPES = frozenset({"uri", "url", "canonical", "oid", "uuid"})


def extract(parameter: Parameter, type: str, _environment: Environment) -> Extract | None:
    """Return what indexes values of the FHIR type `type`, None if they are no URIs."""
    if type == "canonical":
        return canonical(parameter.name)
    name = f"{parameter.name}="
    return (lambda value, entries: entries.t.append(name + value)) if type in _TYPES else None


def condition(parameter: Parameter, text: str, _environment: Environment) -> Condition:
    """Return the condition that a value is `text`."""
    return {"t": compared(f"{parameter.name}={unescaped(text)}")}


def below(parameter: Parameter, text: str, _environment: Environment) -> Condition:
    """Return the condition that a value is `text` or continues its path.

    Raises BadRequest if `text` is no URL with a path, or too long for one.
    """
    url = _path(parameter, text)
    inside = f"{parameter.name}={url.removesuffix('/')}/"
    within = {"t": {"$elemMatch": {"$gte": inside, "$lt": inside[:-1] + _JUST_AFTER_SLASH}}}
    return within if url.endswith("/") else any_of([{"t": inside[:-1]}, within])


def above(parameter: Parameter, text: str, _environment: Environment) -> Condition:
    """Return the condition that a value is `text` or that its path leads to `text`.

    A value that ends with a slash is above what follows it.

    Raises BadRequest if `text` is no URL with a path, or too long for one.
    """
    url = _path(parameter, text)
    start = url.index("://") + 3
    slashes = [match.start() for match in re.finditer("/", url[start:])]
    if len(slashes) > _SEGMENTS:
        raise BadRequest.because("search-uri-too-deep", parameter=parameter.code, limit=_SEGMENTS)
    ends = {len(url)}.union(*({start + at, start + at + 1} for at in slashes))
    return any_of({"t": f"{parameter.name}={url[:end]}"} for end in sorted(ends, reverse=True))


def _path(parameter: Parameter, text: str) -> str:
    url = unescaped(text)
    if len(url) + len(parameter.name) + 2 > LONGEST_TERM:
        raise BadRequest.because(
            "search-value-too-long", parameter=parameter.code, limit=LONGEST_TERM
        )
    if _URL.match(url) is None:
        raise BadRequest.because("search-uri-no-path", parameter=parameter.code, value=shown(url))
    return url


def canonical(name: str) -> Extract:
    """Return what indexes a canonical URL, unless it points at a contained resource."""
    start = f"{name}="

    def add(value: Json, entries: Entries) -> None:
        if value.startswith("#"):
            return
        entries.t.append(start + value)
        url, bar, _version = value.partition("|")
        if bar:
            entries.t.append(start + url)

    return add
