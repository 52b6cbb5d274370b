"""The first page of a patient summary: a Composition whose narrative is in Chinese and English.

Spec: http://hl7.org/fhir/uv/ips/STU1.1/StructureDefinition-Composition-uv-ips.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from server.fhir.messages import TAGS, Language, text
from server.operations.reading import Json, line
from server.profiles.summary import Section

_LOINC = "http://loinc.org"
_EMPTY_REASONS = "http://terminology.hl7.org/CodeSystem/list-empty-reason"
_PROFILE = "http://hl7.org/fhir/uv/ips/StructureDefinition/Composition-uv-ips"
_HEADS = "<thead><tr><th>名称 Name</th><th>日期 Date</th><th>内容 Details</th></tr></thead>"


@dataclass(frozen=True, slots=True)
class Filled:
    """A section with its `entries`, references and resources, the newest first.

    `left_out` are so many older ones. If it `is_withheld`, the caller may not see all types of it.
    """

    section: Section
    entries: Sequence[tuple[str, Json]]
    left_out: int = 0
    is_withheld: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """Who a summary is about and who made it, as references; its `date`, and in which language."""

    subject: str
    name: str
    author: str
    date: str
    language: Language


def composition(head: Head, sections: Sequence[Filled], names: Mapping[str, str]) -> dict[str, Any]:
    """Return the Composition of `sections`; `names` are those of resources referred to."""
    title = f"患者摘要 International Patient Summary: {head.name}"
    return {
        "resourceType": "Composition",
        "meta": {"profile": [_PROFILE]},
        "language": TAGS[head.language],
        "text": _narrative(f"<p>{escape(title)}</p><p>{escape(head.date)}</p>"),
        "status": "final",
        "type": {
            "coding": [{"system": _LOINC, "code": "60591-5", "display": "Patient summary Document"}]
        },
        "subject": {"reference": head.subject},
        "date": head.date,
        "author": [{"reference": head.author}],
        "title": title,
        "confidentiality": "N",
        "section": [_section(one, names) for one in sections],
    }


def _section(filled: Filled, names: Mapping[str, str]) -> dict[str, Any]:
    section = filled.section
    coding = {"system": _LOINC, "code": section.code, "display": section.display}
    found: dict[str, Any] = {
        "title": section.title,
        "code": {"coding": [coding]},
        "text": _narrative(_table(filled, names)),
    }
    if filled.entries:
        found["entry"] = [{"reference": reference} for reference, _ in filled.entries]
    else:
        found["emptyReason"] = {
            "coding": [
                {"system": _EMPTY_REASONS, "code": "withheld", "display": "Information Withheld"}
            ]
        }
    return found


def _table(filled: Filled, names: Mapping[str, str]) -> str:
    rows = [line(resource, names) for _, resource in filled.entries]
    cells = "".join(
        f"<tr><td>{_told(one.name)}</td><td>{_told(one.date)}</td><td>{_told(one.rest)}</td></tr>"
        for one in rows
    )
    table = f"<table>{_HEADS}<tbody>{cells}</tbody></table>" if rows else ""
    said = f"<p>{escape(filled.section.title)}</p>{table}"
    if filled.left_out:
        said += _in_each_language("summary-left-out", number=filled.left_out)
    if filled.is_withheld:
        said += _in_each_language("summary-withheld")
    return said


def _told(value: str) -> str:
    """Return `value` as it may stand in XHTML, which allows no control characters."""
    return escape("".join(one for one in value if one.isprintable()))


def _in_each_language(key: str, **arguments: object) -> str:
    return "".join(
        f'<p lang="{tag}" xml:lang="{tag}">{escape(text(key, language, arguments))}</p>'
        for language, tag in TAGS.items()
    )


def _narrative(content: str) -> dict[str, str]:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml">{content}</div>'
    return {"status": "generated", "div": div}
