"""Formats and languages: what a caller sends, and what they would like back.

Spec: https://hl7.org/fhir/R4/http.html#mime-type, RFC 9110 section 12
"""

from collections.abc import Mapping
from functools import lru_cache

from server.fhir.messages import Language
from server.fhir.outcome import NotAcceptable, UnsupportedMediaType
from server.interactions.call import Preference
from server.interactions.patch import JSON_PATCH, PATCH_TYPES

FHIR_JSON = "application/fhir+json"
JSON_TYPES = (FHIR_JSON, "application/json", "text/json")
_FORMATS = {"json": FHIR_JSON, **{name: name for name in JSON_TYPES}}
# A browser shows application/json and saves what it does not know.
_WILD = {
    "*/*": FHIR_JSON,
    "application/*": FHIR_JSON,
    "text/*": "text/json",
    "text/html": "application/json",
}
_RETURNS = ("minimal", "representation", "OperationOutcome")


def check_content_type(text: str | None) -> None:
    """Raise UnsupportedMediaType unless `text` is a JSON type, in UTF-8 if it names a charset."""
    kind, parameters = _media(text or "")
    if kind not in JSON_TYPES or not _is_utf8(parameters) or not _is_r4(parameters):
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
def content_type(accept: str | None, format: str | None) -> str:
    """Return the media type to answer in. `format` is the value of _format, which wins.

    Raises NotAcceptable if none fits.
    """
    if format is not None:
        # A plus sign in a query arrives as a blank.
        chosen = _FORMATS.get(format.replace(" ", "+").partition(";")[0].strip().lower())
        if chosen is None:
            raise NotAcceptable.because("format-unknown", name=format[:40])
        return chosen
    ranges = _ranked(accept or "*/*")
    for name in ranges:
        if name in _FORMATS or name in _WILD:
            return _FORMATS.get(name) or _WILD[name]
    raise NotAcceptable.because("format-unknown", name=(accept or "")[:40])


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


def _ranked(text: str) -> list[str]:
    ranked: list[tuple[float, str]] = []
    for part in text.split(","):
        kind, parameters = _media(part)
        quality = _quality(parameters.get("q", "1"))
        if kind and quality > 0 and _is_r4(parameters):
            ranked.append((-quality, kind))
    return [kind for _, kind in sorted(ranked, key=lambda each: each[0])]


def _is_r4(parameters: Mapping[str, str]) -> bool:
    """Tell whether `parameters` of a media type ask for this version of FHIR, or for none."""
    return parameters.get("fhirversion", "4.0") in ("4.0", "4.0.1")


def _is_utf8(parameters: Mapping[str, str]) -> bool:
    return parameters.get("charset", "utf-8").lower() in ("utf-8", "utf8")


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
