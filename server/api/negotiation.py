"""Formats and languages: what a caller sends, and what they would like back.

Spec: https://hl7.org/fhir/R4/http.html#mime-type, RFC 9110 section 12
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_plus

from server.fhir import media_type
from server.fhir.formats import FHIR_JSON, MEDIA_TYPES, NAMES
from server.fhir.messages import Language
from server.fhir.outcome import NotAcceptable, UnsupportedMediaType
from server.interactions.call import Preference
from server.interactions.patch import JSON_PATCH, PATCH_TYPES

# A browser shows application/json and saves what it does not know.
_ALSO_CALLED = {"application/json": "text/html"}
_FORMAT = re.compile(r"(?:^|&)_format=([^&]*)").search
_RETURNS = ("minimal", "representation", "OperationOutcome")


def check_content_type(text: str | None) -> None:
    """Raise UnsupportedMediaType unless `text` is FHIR in JSON or XML, in UTF-8 if it says so."""
    kind, parameters = _media(text or "")
    if kind not in MEDIA_TYPES or not _is_utf8(parameters) or not _is_r4(parameters):
        raise UnsupportedMediaType.because("content-type-unknown", type=(text or "-")[:60])


def patch_type(text: str | None) -> str:
    """Return the media type of a patch that is sent as `text`.

    Raises UnsupportedMediaType, which tells those there are, unless it is JSON Patch or a resource.
    """
    kind, parameters = _media(text or "")
    if kind == JSON_PATCH and _is_utf8(parameters):
        return kind
    try:
        check_content_type(text)
    except UnsupportedMediaType:
        known = ", ".join(PATCH_TYPES)
        refusal = UnsupportedMediaType.because(
            "patch-type-unknown", type=(text or "-")[:60], known=known
        )
        refusal.headers["Accept-Patch"] = known
        raise refusal from None
    return kind


@lru_cache(maxsize=256)
def content_type(accept: str | None, format: str | None, *, has_content: bool = False) -> str:
    """Return the media type to answer in. `format` is the value of _format, which wins.

    Where the answer `has_content` of any kind, who accepts other types than FHIR's is told all else
    in JSON. Raises NotAcceptable if none fits.
    """
    if format is not None:
        name, parameters = _media(format)
        # A plus sign in a query arrives as a blank.
        chosen = NAMES.get(name.replace(" ", "+"))
        if chosen is None or not _is_r4(parameters):
            raise NotAcceptable.because("format-unknown", name=format[:40])
        return chosen
    ranges = _ranges(accept or "*/*")
    liked = max(MEDIA_TYPES, key=lambda known: _liking(known, ranges))
    if _liking(liked, ranges).quality > 0:
        return liked
    if has_content and not all(media_type.is_fhir(name) for name, _ in ranges):
        return FHIR_JSON
    raise NotAcceptable.because("format-unknown", name=(accept or "")[:40])


def likely_content_type(accept: str | None, query: str) -> str:
    """Return the media type that is asked for, as far as one can tell before the query is read.

    It is FHIR's JSON where none fits, as what says so has to be in some format.
    """
    asked = _FORMAT(query) if "_format=" in query else None
    try:
        return content_type(accept, unquote_plus(asked[1]) if asked else None)
    except NotAcceptable:
        return FHIR_JSON


@lru_cache(maxsize=256)
def media_ranges(accept: str | None) -> tuple[str, ...]:
    """Return the media ranges that `accept` names, the best first, without their parameters."""
    return tuple(_ranked(accept or "*/*"))


@lru_cache(maxsize=256)
def language(accept: str | None, default: Language) -> Language:
    """Return the language to speak: the first of zh and en that `accept` ranks, else `default`."""
    for tag in _ranked(accept or ""):
        primary = tag.partition("-")[0]
        if primary == "zh":
            return "zh"
        if primary == "en":
            return "en"
    return default


@lru_cache(maxsize=256)
def preference(text: str | None) -> Preference:
    """Return what the Prefer header `text` asks; what is not known is passed over.

    Spec: RFC 7240 section 2, https://hl7.org/fhir/R4/http.html#ops
    """
    asked: dict[str, str] = {}
    for part in (text or "").replace(";", ",").split(","):
        name, _, value = part.strip().partition("=")
        asked.setdefault(name.strip().lower(), value.strip().strip('"'))
    returns = asked.get("return", "")
    lenient = asked.get("handling") == "lenient"
    return Preference(returns if returns in _RETURNS else None, lenient, "respond-async" in asked)


def _media(text: str) -> tuple[str, dict[str, str]]:
    kind, *rest = text.split(";")
    pairs = (part.partition("=") for part in rest)
    parameters = {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
    return kind.strip().lower(), parameters


class _Liking(NamedTuple):
    """How much a media type is liked: what comes first counts first."""

    quality: float
    exactness: int
    place: int


def _liking(type: str, ranges: Sequence[tuple[str, float]]) -> _Liking:
    """Return how `ranges` like `type`: as the most exact of them says, of equal ones the first.

    Spec: RFC 9110 section 12.5.1
    """
    whole = f"{type.partition('/')[0]}/*"
    for exactness, meant in ((3, type), (2, _ALSO_CALLED.get(type)), (1, whole), (0, "*/*")):
        for place, (name, quality) in enumerate(ranges):
            if name == meant:
                return _Liking(quality, exactness, -place)
    return _Liking(0.0, 0, 0)


def _ranked(text: str) -> list[str]:
    liked = [(-quality, name) for name, quality in _ranges(text) if quality > 0]
    return [name for _, name in sorted(liked, key=lambda each: each[0])]


def _ranges(text: str) -> list[tuple[str, float]]:
    """Return the ranges in `text` with their qualities, in its order."""
    read = (_media(part) for part in text.split(","))
    return [
        (name, _quality(parameters.get("q", "1")))
        for name, parameters in read
        if name and _is_r4(parameters)
    ]


def _is_r4(parameters: Mapping[str, str]) -> bool:
    """Tell whether `parameters` of a media type ask for this version of FHIR, or for none."""
    return parameters.get("fhirversion", "4.0") in ("4.0", "4.0.1")


def _is_utf8(parameters: Mapping[str, str]) -> bool:
    return parameters.get("charset", "utf-8").lower() in ("utf-8", "utf8")


def _quality(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        return 0.0
    # Of NaN nothing is more, and nothing less.
    return found if found >= 0 else 0.0
