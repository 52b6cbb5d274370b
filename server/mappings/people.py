"""Conversions of what tells who somebody is: sex, documents, telephone numbers.

The number of an identity document stands under a system that depends on the type of the document,
so its element and that of the type make one Identifier together.

Spec: GB/T 2261.1, CV02.01.101, GB 11643; https://hl7.org/fhir/R4/datatypes.html#Identifier
"""

import re
from collections.abc import Mapping
from typing import Any

from server.fhir.canonical import BASE
from server.mappings.conversions import Asked, Beside, Conversion, concept_map, wrong_number
from server.profiles.identity_numbers.kinds import Kind
from server.profiles.identity_numbers.residents import (
    ID_NUMBER,
    WrongNumberError,
    normal,
    upgraded,
)
from server.records.cells import WrongCellError

Json = Any
SEX_CODE = f"{BASE}/StructureDefinition/cn-sex-code"
_V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"
_MOBILE = re.compile(r"(?:\+?86[- ]?)?1[3-9][0-9]{9}")


def gender(asked: Asked) -> Conversion:
    """Make Patient.gender of a sex, and keep the code that it was said by."""
    domain = asked.domain
    said = concept_map(asked.facts.terminology, asked.option("map"))
    genders = {
        element["code"]: element["target"][0]["code"]
        for group in said["group"]
        for element in group["element"]
    }

    def read(value: str, _: Beside) -> Json:
        kept = {"url": SEX_CODE, "valueCoding": domain.coding(value)}
        return {"gender": genders[value], "_gender": {"extension": [kept]}}

    def restore(node: Json) -> str | None:
        for one in node.get("_gender", {}).get("extension", ()):
            if one.get("url") == SEX_CODE:
                return domain.code([one.get("valueCoding", {})])
        found = [code for code, gender in genders.items() if gender == node.get("gender")]
        return found[0] if len(found) == 1 else None

    return Conversion(read, restore)


def telephone(_: Asked) -> Conversion:
    """Make a ContactPoint of a telephone number."""

    def read(value: str, _: Beside) -> Json:
        use = "mobile" if _MOBILE.fullmatch(value) else "home"
        return {"system": "phone", "value": value, "use": use}

    return Conversion(read, lambda point: point.get("value"))


def identifier(asked: Asked) -> Conversion:
    """Make the value of an Identifier of the ``system`` that the row says, if it is a right one."""
    kinds, system = asked.facts.kinds, asked.option("system")

    def read(value: str, _: Beside) -> Json:
        kind = kinds.by_system.get(system)
        _check(kind, value)
        region = None if kind is None else kind.region(value)
        if region is not None and not kinds.knows_province(region):
            raise WrongCellError("dataset-number-province", province=region[:2])
        return value

    return Conversion(read, lambda value: value if isinstance(value, str) else None)


def document_number(asked: Asked) -> Conversion:
    """Make Identifiers of the number of an identity document; ``with`` names the type's element.

    An ID number of 15 digits becomes one of 18, and the old one is kept as such.
    """
    documents, types = asked.facts.documents, _document_types(asked)
    kinds = asked.facts.kinds.by_system
    beside = asked.option("with")
    default = asked.element.options.get("default", "")

    def read(value: str, other: Beside) -> Json:
        code = other(beside) or default
        about = documents.get(code)
        if about is None:
            raise WrongCellError("dataset-needs", needed=beside)
        system = about["system"]
        number = normal(value) if system == ID_NUMBER else value
        _check(kinds.get(system), number)
        right = upgraded(number) if system == ID_NUMBER else number
        type = {"coding": types[code]}
        found = [{"use": "official", "type": type, "system": system, "value": right}]
        if right != number:
            found.append({"use": "old", "type": type, "system": system, "value": number})
        return {"identifier": found}

    def restore(node: Json) -> str | None:
        found = _document(node, documents)
        return None if found is None else found[1].get("value")

    return Conversion(read, restore)


def document_type(asked: Asked) -> Conversion:
    """Make nothing: the type stands with the number, and is found there again."""
    documents = asked.facts.documents

    def restore(node: Json) -> str | None:
        found = _document(node, documents)
        return None if found is None else found[0]

    return Conversion(lambda _, __: None, restore)


def _document(
    node: Mapping[str, Any], documents: Mapping[str, Mapping[str, str]]
) -> tuple[str, Mapping[str, Any]] | None:
    """Return the code of the type of an official document of `node`, and the Identifier."""
    for one in node.get("identifier", ()):
        if one.get("use") == "old":
            continue
        said = [
            coding["code"]
            for coding in one.get("type", {}).get("coding", ())
            if coding.get("system") == "urn:oid:2.16.156.10011.2.3.1.1" and "code" in coding
        ]
        system = one.get("system")
        fitting = [code for code, about in documents.items() if about["system"] == system]
        if fitting:
            return (said or fitting)[0], one
    return None


def _document_types(asked: Asked) -> Mapping[str, list[Mapping[str, Any]]]:
    domain = asked.facts.domains.find(("cv02.01.101",), asked.edition)
    return {
        code: [
            *([{"system": _V2_0203, "code": about["type"]}] if "type" in about else []),
            domain.coding(code),
        ]
        for code, about in asked.facts.documents.items()
    }


def _check(kind: Kind | None, number: str) -> None:
    """Raise WrongCellError if a number of this `kind` is proved wrong."""
    if kind is None or kind.severity != "error":
        return
    try:
        kind.read(number)
    except WrongNumberError as wrong:
        raise wrong_number(wrong, kind) from None
