"""CodeSystem, and the ValueSet of all its codes, from the facts of one edition of one table.

Spec: https://hl7.org/fhir/R4/codesystem.html, https://hl7.org/fhir/R4/valueset.html
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from china.writing import BASE, Json

_CONCEPT_PROPERTIES = "http://hl7.org/fhir/concept-properties#"
_TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"
VALID_PERIOD = f"{BASE}/StructureDefinition/cn-valid-period"
FORMER_NAME = {"system": f"{BASE}/CodeSystem/designation-use", "code": "former-name"}
CHINA = [{"coding": [{"system": "urn:iso:std:iso:3166", "code": "CN"}]}]

# What is told of a concept: its type and what it means. Those that HL7 defines have its URI.
PROPERTIES = {
    "inactive": ("boolean", "已停用，只供识别历史数据"),
    "level": ("integer", "行政区划级别：1 省级，2 地级，3 县级，4 乡级"),
    "validFrom": ("dateTime", "自该年起有效；没有此项即自始有效。有效期按时间先后排列"),
    "validTo": ("dateTime", "至该年（含）有效；没有此项即现行有效"),
    "replacedBy": ("code", "停用后改用的代码"),
    "alpha2": ("string", "两位字母代码"),
    "numeric": ("string", "三位数字代码"),
    "unit": ("string", "常用单位（UCUM）"),
    "dataElement": ("string", "卫生健康信息数据元标识符（WS 363）"),
    "dataType": ("string", "数据类型（WS 363），如 S2 为枚举的字符"),
    "format": ("string", "表示格式（WS 363），如 AN..18"),
    "valueDomain": ("string", "允许值所在的值域代码表"),
    "allowedValues": ("string", "直接列出的允许值"),
    "unitOfMeasure": ("string", "标准原文的计量单位"),
    "comment": ("string", "说明"),
}
_OF_HL7 = frozenset({"inactive"})


@dataclass(frozen=True, slots=True)
class Concept:
    """One code.

    `short` is a shorter name; `former` are names it had, each with the first and last year, "" if
    open.
    """

    code: str
    display: str
    parent: str | None = None
    english: str | None = None
    definition: str | None = None
    properties: Sequence[tuple[str, Any]] = ()
    former: Sequence[tuple[str, str, str]] = ()
    short: str | None = None


@dataclass(frozen=True, slots=True)
class System:
    """One edition of one table.

    `content` is FHIR's: complete, fragment, example or not-present. What is not `verified` was
    written from memory or is our own proposal, and its status is draft.
    """

    id: str
    title: str
    description: str
    publisher: str
    concepts: Sequence[Concept]
    oid: str | None = None
    version: str | None = None
    english: str | None = None
    content: str = "complete"
    verified: bool = True
    meaning: str = "is-a"
    copyright: str | None = None
    count: int | None = None
    elsewhere: Sequence[str] = field(default=())

    @property
    def url(self) -> str:
        """The canonical URL: the OID of the table where it has one."""
        return f"urn:oid:{self.oid}" if self.oid else f"{BASE}/CodeSystem/{self.id}"


def designation_use() -> System:
    """Return the system that tells what our designations are for."""
    return System(
        id="designation-use",
        title="名称用途",
        english="Uses of designations",
        description="区划代码等概念的其他名称的用途。",
        publisher="通康 Tongkang",
        concepts=[Concept("former-name", "曾用名", english="Former name")],
    )


def resources(systems: Iterable[System]) -> list[Json]:
    """Return the CodeSystem and the ValueSet of each of `systems`."""
    return [made for system in systems for made in (code_system(system), value_set(system))]


def code_system(system: System) -> Json:
    """Return `system` as a CodeSystem, its concepts nested."""
    nested = any(concept.parent for concept in system.concepts)
    return {
        **head("CodeSystem", system.id, system.url, system),
        "caseSensitive": True,
        "valueSet": f"{BASE}/ValueSet/{system.id}",
        **({"hierarchyMeaning": system.meaning} if nested or system.elsewhere else {}),
        "content": system.content,
        "count": len(system.concepts) if system.count is None else system.count,
        **_optional("property", _declared(system)),
        **_optional("concept", _tree(system.concepts)),
    }


def value_set(system: System) -> Json:
    """Return the ValueSet of all codes of this edition."""
    version = _optional("version", system.version)
    return {
        **head("ValueSet", system.id, f"{BASE}/ValueSet/{system.id}", system),
        "compose": {"include": [{"system": system.url, **version}]},
    }


def head(type: str, id: str, url: str, system: System) -> Json:
    """Return the elements that definitions of all types begin with."""
    return {
        "resourceType": type,
        "id": id,
        "language": "zh-CN",
        "url": url,
        **_optional("version", system.version),
        "name": name(id),
        "title": system.title,
        **_optional("_title", _in_english(system.english)),
        "status": "active" if system.verified else "draft",
        "experimental": False,
        "publisher": system.publisher,
        "description": system.description,
        "jurisdiction": CHINA,
        **_optional("copyright", system.copyright),
    }


def name(id: str) -> str:
    """Return the name for programs that goes with `id`."""
    parts = re.split(r"[^A-Za-z0-9]+", id)
    return "_".join(part[:1].upper() + part[1:] for part in parts)


def _optional(key: str, value: object) -> Json:
    return {key: value} if value else {}


def _in_english(title: str | None) -> Json | None:
    if title is None:
        return None
    parts = [{"url": "lang", "valueCode": "en"}, {"url": "content", "valueString": title}]
    return {"extension": [{"url": _TRANSLATION, "extension": parts}]}


def _declared(system: System) -> list[Json]:
    used = {code for concept in system.concepts for code, _ in concept.properties}
    used.update(system.elsewhere)
    return [
        {
            "code": code,
            **({"uri": _CONCEPT_PROPERTIES + code} if code in _OF_HL7 else {}),
            "description": description,
            "type": type,
        }
        for code, (type, description) in PROPERTIES.items()
        if code in used
    ]


def _tree(concepts: Sequence[Concept]) -> list[Json]:
    under: dict[str | None, list[Concept]] = defaultdict(list)
    for concept in concepts:
        under[concept.parent].append(concept)

    def below(parent: str | None) -> list[Json]:
        return [_concept(one, below(one.code)) for one in under.get(parent, ())]

    return below(None)


def _concept(concept: Concept, children: list[Json]) -> Json:
    return {
        "code": concept.code,
        "display": concept.display,
        **_optional("definition", concept.definition),
        **_optional("designation", _designations(concept)),
        **_optional("property", [_property(code, value) for code, value in concept.properties]),
        **_optional("concept", children),
    }


def _designations(concept: Concept) -> list[Json]:
    others = (("zh-CN", concept.short), ("en", concept.english))
    named = [{"language": language, "value": name} for language, name in others if name]
    return named + [_former(*one) for one in concept.former]


def _former(name: str, first: str, last: str) -> Json:
    period = {**_optional("start", first), **_optional("end", last)}
    return {
        "extension": [{"url": VALID_PERIOD, "valuePeriod": period}],
        "language": "zh-CN",
        "use": FORMER_NAME,
        "value": name,
    }


def _property(code: str, value: object) -> Json:
    type = PROPERTIES[code][0]
    return {"code": code, f"value{type[0].upper()}{type[1:]}": value}
