"""What a client is approved for, as an administrator puts it in a form.

Spec: 人口健康信息管理办法(试行) articles 8, 14, 最少够用 (R1.8b, R1.14);
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from server.access import divisions, scopes
from server.access.scopes import Scopes
from server.auth import amending
from server.content import TERMINOLOGY
from server.search import sensitivity
from server.services import Interpreters
from server.store.shelf import Record

FIELDS = (
    "scope", "organization", "organization_name", "division", "limited", "labels", "hidden",
    "masked", "introspect", "push", "purpose_zh", "purpose_en", "purpose_of_use",
)  # fmt: skip
"""The fields of the form; what is ticked is ``yes``, of several things each after a space."""
PURPOSES = ("TREAT", "HOPERAT", "PUBHLTH", "HRESCH", "HPAYMT", "PATSFTY")
"""What a system may use data for (v3-PurposeOfUse), which the trail tells residents."""
_ORGANIZATION = re.compile(r"Organization/[A-Za-z0-9.-]{1,64}")
_ELEMENT = re.compile(r"([A-Z][A-Za-z]+)\.([a-z][A-Za-z]*)")
_ALWAYS_SHOWN = frozenset(("id", "meta", "implicitRules"))
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Faulty(Exception):
    """The client cannot be approved for this; `fields` are those that are wrong."""

    fields: tuple[str, ...]


def form(client: Record) -> dict[str, str]:
    """Return what the form about `client` begins with: what is in force, or what it asks for."""
    unit, masks = client.get("organization") or {}, client.get("masks") or {}
    purpose = client.get("purpose") or {}
    # A system that has not been looked at yet shall not see the whole region by default.
    limits = client.get("region") if "region" in client else client["kind"] == "backend"
    return {
        "scope": client.get("scope", ""),
        "organization": unit.get("reference") or "",
        "organization_name": unit.get("name") or "",
        "division": client.get("division") or "",
        "limited": "yes" if limits else "",
        "labels": " ".join(client.get("labels", ())),
        "push": "yes" if client.get("require_pushed") else "",
        "introspect": "yes" if client.get("may_introspect") else "",
        "purpose_zh": purpose.get("zh", ""),
        "purpose_en": purpose.get("en", ""),
        "purpose_of_use": client.get("purpose_of_use") or "HOPERAT",
        **{
            how: " ".join(f"{type}.{name}" for type, one in masks.items() for name in one[how])
            for how in ("hidden", "masked")
        },
    }


def terms(known: Interpreters, form: Mapping[str, str], client: Record) -> dict[str, Any]:
    """Return what the record of `client` gets if it is approved as `form` says. Raises Faulty."""
    given = {name: form.get(name, "").strip() for name in FIELDS}
    asked, labels = scopes.read(given["scope"]), given["labels"].split()
    hidden, masked = given["hidden"].split(), given["masked"].split()
    if faults := tuple(name for name, is_wrong in _faults(known, given, client) if is_wrong):
        raise Faulty(faults)
    organization, division = given["organization"], given["division"]
    is_system = client["kind"] == "backend"
    region = {
        "divisions": [division] if division else [],
        "organizations": [organization] if organization else [],
    }
    unit = {"reference": organization, "name": given["organization_name"] or organization}
    purpose = {"zh": given["purpose_zh"], "en": given["purpose_en"] or given["purpose_zh"]}
    return {
        "scope": asked.text,
        "organization": unit if organization else None,
        "division": division or None,
        "region": region if given["limited"] == "yes" and is_system else None,
        "labels": labels if is_system else [],
        "masks": _masks(hidden, masked),
        "may_introspect": given["introspect"] == "yes",
        "require_pushed": given["push"] == "yes" and not is_system,
        "purpose": purpose if purpose["zh"] else None,
        "purpose_of_use": (given["purpose_of_use"] or None) if is_system else None,
    }


def _faults(
    known: Interpreters, given: Mapping[str, str], client: Record
) -> Iterable[tuple[str, bool]]:
    place = given["organization"] or given["division"]
    yield "scope", not _may(known, scopes.read(given["scope"]), client)
    yield (
        "organization",
        bool(given["organization"]) and not _ORGANIZATION.fullmatch(given["organization"]),
    )
    yield "division", bool(given["division"]) and not divisions.is_code(given["division"])
    yield "limited", given["limited"] == "yes" and client["kind"] == "backend" and not place
    yield "labels", not set(given["labels"].split()) <= set(sensitivity.declared(TERMINOLOGY))
    for name in ("hidden", "masked"):
        yield name, not all(_is_element(known, one) for one in given[name].split())
    for name in ("organization_name", "purpose_zh", "purpose_en"):
        yield name, len(given[name]) > _LONGEST or not given[name].isprintable()
    yield "purpose_zh", bool(given["purpose_en"]) and not given["purpose_zh"]
    yield "purpose_of_use", given["purpose_of_use"] not in ("", *PURPOSES)


def _may(known: Interpreters, scope: Scopes, client: Record) -> bool:
    """Tell whether `client` may be approved for `scope`: what it asks for, and no more."""
    asked, is_system = scopes.read(amending.said(client)["scope"]), client["kind"] == "backend"
    levels_fit = all((one.level == "system") == is_system for one in scope.clinical)
    types_are_there = all(one.type == "*" or one.type in known.types for one in scope.clinical)
    is_whole = not scope.malformed and bool(scope.clinical or "openid" in scope)
    return is_whole and levels_fit and types_are_there and asked.cover(scope)


def _is_element(known: Interpreters, text: str) -> bool:
    """Tell whether `text` names an element, such as ``Patient.telecom``, that may be hidden."""
    found = _ELEMENT.fullmatch(text)
    if found is None or found[1] not in known.types or found[2] in _ALWAYS_SHOWN:
        return False
    names = known.definitions.elements[found[1]]
    return found[2] in names or f"{found[2]}[x]" in names


def _masks(hidden: list[str], masked: list[str]) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for how, names in (("hidden", hidden), ("masked", masked)):
        for name in names:
            type, _, element = name.partition(".")
            found.setdefault(type, {"hidden": [], "masked": []})[how].append(element)
    return found
