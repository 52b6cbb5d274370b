"""The copy of a record as one HTML file, to be read without this server, or printed.

It loads nothing, runs nothing and has its style within, as its own policy says.

Spec: https://www.w3.org/TR/CSP3/
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from markupsafe import Markup

from server.fhir import json
from server.fhir.json import Resource
from server.fhir.messages import TAGS, Language, text
from server.interactions.self_measured import SYSTEM
from server.portal import words
from server.portal.disclosures import data
from server.portal.persons import name

_STYLE = (Path(__file__).parent / "static" / "paper.css").read_text("utf-8")
_DIGEST = b64encode(sha256(_STYLE.encode()).digest()).decode()
_HEAD = Markup(
    '<!doctype html><html lang="{tag}"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\">"
    "<title>{title}</title><style>{style}</style></head><body><h1>{title}</h1>"
    '<p>{facts}</p><p class="note">{provenance}</p>'
)
_WHAT = (
    "code",
    "medicationCodeableConcept",
    "vaccineCode",
    "serviceType",
    "type",
    "category",
    "relationship",
)
_WHO = ("serviceProvider", "requester", "recorder", "asserter", "author", "performer")


def written(
    record: Iterator[tuple[str, bytes]],
    patient: Resource,
    base: str,
    now: datetime,
    language: Language,
) -> Iterator[bytes]:
    """Yield the HTML of `record`, of which resources of one type follow on each other."""
    whose = name(patient)
    facts = [str(patient[one]) for one in ("birthDate",) if patient.get(one)]
    yield _HEAD.format(
        tag=TAGS[language],
        digest=_DIGEST,
        title=text("copy-title", language, {"name": whose}),
        style=Markup(_STYLE),  # noqa: S704  # it is a constant
        facts=text("copy-facts", language, {"name": whose, "born": ", ".join(facts)}),
        provenance=text(
            "copy-provenance", language, {"when": now.isoformat(timespec="seconds"), "base": base}
        ),
    ).encode()
    last = ""
    for reference, body in record:
        type = reference.partition("/")[0]
        if type != last:
            yield Markup("<h2>{}</h2>").format(data(type, language)).encode()
            last = type
        yield _article(orjson.loads(body), body, language, now.tzinfo).encode()
    yield (
        Markup('<p class="note">{}</p></body></html>\n')
        .format(text("copy-end", language, {}))
        .encode()
    )


def _article(resource: Resource, body: bytes, language: Language, zone: tzinfo | None) -> Markup:
    head = Markup("<article><p><strong>{what}</strong> {value} {labels}</p>").format(
        what=_what(resource, language),
        value=words.result(resource, language),
        labels=Markup(" ").join(
            Markup('<span class="label">{}</span>').format(each)
            for each in _labels(resource, language)
        ),
    )
    when = words.moment(words.when(resource), zone) if zone else words.when(resource)
    notes = [when, *_names(resource), *_texts(resource)]
    return head + Markup(
        '<p class="note">{}</p><details><summary>{}</summary><pre>{}</pre></details></article>\n'
    ).format(
        " · ".join(each for each in notes if each),
        text("copy-whole", language, {}),
        json.pretty(body).decode(),
    )


def _labels(resource: Resource, language: Language) -> list[str]:
    tags = resource.get("meta", {}).get("tag", ())
    own = [text("reading-own", language, {})] if _is_own(tags) else []
    return [*own, *words.labels(resource, language)]


def _is_own(tags: list[dict[str, Any]]) -> bool:
    return any(one.get("system") == SYSTEM for one in tags)


def _what(resource: Resource, language: Language) -> str:
    if resource["resourceType"] in ("Patient", "RelatedPerson"):
        return name(resource)
    for one in _parts(resource, _WHAT):
        if found := words.concept(one, language):
            return found
    return data(str(resource["resourceType"]), language)


def _names(resource: Resource) -> Iterator[str]:
    """Yield who took part, by name."""
    for one in _parts(resource, _WHO):
        yield words.reference(one.get("actor", one))


def _texts(resource: Resource) -> Iterator[str]:
    for one in _parts(resource, ("note", "dosageInstruction")):
        if one.get("text"):
            yield str(one["text"])


def _parts(resource: Resource, elements: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield what the `elements` hold: of one name, some types have one and others a list."""
    for element in elements:
        value = resource.get(element)
        yield from (
            one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)
        )
