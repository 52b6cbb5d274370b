"""What this server can do, told from the tables that make it do so.

Spec: https://hl7.org/fhir/R4/capabilitystatement.html
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import Any

from server.access.policy import APPEND_ONLY, NEEDED
from server.context import Context
from server.fhir import model
from server.fhir.canonical import BASE
from server.fhir.formats import NAMES
from server.fhir.messages import TAGS, text
from server.fhir.outcome import BadRequest
from server.interactions.call import Call, Result
from server.interactions.patch import PATCH_TYPES
from server.interactions.presentation import Presentation
from server.interactions.routes import on_system, on_types
from server.interactions.terminology_statement import TYPE as TERMINOLOGY
from server.interactions.terminology_statement import terminology
from server.mappings.cda import documents
from server.profiles.definitions import SearchParameter
from server.profiles.operations import OperationDefinition
from server.search.includes import offered
from server.services import VERSION, Interpreters
from server.settings import Settings

_TYPE = "CapabilityStatement"
_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_MODEL = f"{BASE}/StructureDefinition/capability-model"
_COMPARTMENTS = "http://hl7.org/fhir/CompartmentDefinition/"
_FORMATS = {documents.OF: (documents.MEDIA_TYPE,)}
"""Media types that create takes beside FHIR's; `format` of the statement is for all types."""
# R4 has no SearchParameter for them.
_NAMELESS = ("_has", "_list", "_type")


def capabilities(context: Context, call: Call) -> Result:
    """Return the CapabilityStatement, or with the mode ``terminology`` what is known of codes.

    Raises BadRequest on a mode that this server does not have.
    """
    mode = dict(call.query).get("mode", "full")
    if mode not in ("full", "terminology"):
        raise BadRequest.because("capabilities-mode-unknown", mode=mode[:40])
    type = _TYPE if mode == "full" else TERMINOLOGY
    query = tuple(pair for pair in call.query if pair[0] != "mode")
    shown = Presentation.only(replace(call, query=query, type=type), context.interpreters.subsets)
    whole = context.services.statement if mode == "full" else partial(terminology, context)
    return Result(status=200, body=shown.of(context.interpreters.subsets, type, whole()))


class Statement:
    """The CapabilityStatement as it is now; made anew when the search parameters have changed."""

    def __init__(self, interpreters: Interpreters) -> None:
        self._interpreters = interpreters
        self._lock = Lock()
        self._made = self._make()

    def __call__(self) -> bytes:
        """Return the resource's bytes."""
        with self._lock:
            if self._made[0] != self._interpreters.index.plans.edition:
                self._made = self._make()
            return self._made[1]

    def _make(self) -> tuple[int, bytes]:
        # The number first: what changes meanwhile is noticed by the next caller.
        return self._interpreters.index.plans.edition, statement(self._interpreters)


def statement(interpreters: Interpreters) -> bytes:
    """Return the CapabilityStatement of a server with these `interpreters`."""
    base_url = interpreters.settings.base_url
    return model.as_json(
        {
            "resourceType": _TYPE,
            "id": "tongkang",
            "url": f"{base_url}/metadata",
            "version": VERSION,
            "name": "Tongkang",
            "title": "通康 Tongkang",
            "status": "active",
            "date": interpreters.started,
            "kind": "instance",
            "software": {"name": "Tongkang", "version": VERSION},
            "implementation": {"description": "通康 Tongkang", "url": base_url},
            "fhirVersion": "4.0.1",
            "patchFormat": list(PATCH_TYPES),
            "format": list(NAMES),
            "rest": [_rest(interpreters)],
        }
    )


def _rest(interpreters: Interpreters) -> dict[str, Any]:
    facts = interpreters.definitions
    return {
        "mode": "server",
        "documentation": _in_each_language("capabilities-async"),
        "security": _security(interpreters.settings),
        "resource": [
            _resource(interpreters, type)
            for type in facts.resource_types
            if type not in facts.models
        ],
        **_models(interpreters),
        "interaction": [{"code": code} for code in on_system()],
        "searchParam": _common(interpreters),
        **_operations(interpreters.operations.on_system()),
        "compartment": [f"{_COMPARTMENTS}{name.lower()}" for name in facts.compartments],
    }


def _security(settings: Settings) -> dict[str, Any]:
    """Return how a caller says who it is: https://hl7.org/fhir/smart-app-launch/STU2.2."""
    if settings.access == "open":
        return {"description": _in_each_language("capabilities-open")}
    urls = {
        name: f"{settings.root_url}/{name}"
        for name in ("authorize", "token", "introspect", "revoke", "register")
    }
    named = [{"url": name, "valueUri": url} for name, url in urls.items()]
    return {
        "description": _in_each_language("capabilities-ids"),
        "cors": True,
        "service": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                        "code": "SMART-on-FHIR",
                    }
                ]
            }
        ],
        "extension": [{"url": _OAUTH_URIS, "extension": named}],
    }


def _in_each_language(key: str) -> str:
    """Return a message in all languages, as the statement is the same for all who ask."""
    return "\n\n".join(text(key, language, {}) for language in TAGS)


def _common(interpreters: Interpreters) -> list[dict[str, str]]:
    """Return the parameters by which resources of all types are searched."""
    known = [interpreters.queries.searchable(type) for type in interpreters.types]
    first, *others = known
    shared = [fact for code, fact in first.items() if all(code in other for other in others)]
    return [*map(_parameter, shared), *({"name": name, "type": "special"} for name in _NAMELESS)]


def _parameter(fact: SearchParameter) -> dict[str, str]:
    return {"name": fact.code, "definition": fact.url, "type": fact.type}


def _operations(definitions: Iterable[OperationDefinition]) -> dict[str, Any]:
    found = [{"name": one.code, "definition": one.url} for one in definitions]
    return {"operation": found} if found else {}


def _profiles(urls: Sequence[str]) -> dict[str, Any]:
    return {"supportedProfile": list(urls)} if urls else {}


def _models(interpreters: Interpreters) -> dict[str, Any]:
    """Return what can be done with types beyond R4's, which only an extension has room for."""
    models = interpreters.definitions.models
    found = [_model(interpreters, type, url) for type, url in models.items()]
    return {"extension": found} if found else {}


def _model(interpreters: Interpreters, type: str, url: str) -> dict[str, Any]:
    said = _resource(interpreters, type)
    return {
        "url": _MODEL,
        "extension": [
            {"url": "type", "valueCode": type},
            {"url": "definition", "valueCanonical": url},
            *({"url": "format", "valueCode": one} for one in _FORMATS.get(type, ())),
            *({"url": "interaction", "valueCode": one["code"]} for one in said["interaction"]),
            *(_named("searchParam", one) for one in said["searchParam"]),
            *(_named("operation", one) for one in said.get("operation", ())),
            *({"url": "searchInclude", "valueString": one} for one in said["searchInclude"]),
        ],
    }


def _named(url: str, one: Mapping[str, str]) -> dict[str, Any]:
    """Return a search parameter or an operation: its name, definition, and its type if any."""
    return {
        "url": url,
        "extension": [
            {"url": "name", "valueString": one["name"]},
            {"url": "definition", "valueCanonical": one["definition"]},
            *([{"url": "type", "valueCode": one["type"]}] if "type" in one else []),
        ],
    }


def _resource(interpreters: Interpreters, type: str) -> dict[str, Any]:
    parameters = interpreters.queries.searchable(type).values()
    forward, reverse = offered(interpreters.index.plans, type)
    is_written = type not in APPEND_ONLY
    had = interpreters.operations.on_type(type)
    operations = (one for one in had if is_written or not one.affects_state)
    codes = [code for code in on_types() if is_written or NEEDED[code] in ("r", "s")]
    return {
        "type": type,
        "profile": f"http://hl7.org/fhir/StructureDefinition/{type}",
        **_profiles(interpreters.supported.get(type, ())),
        "interaction": [{"code": code} for code in codes],
        "versioning": "versioned",
        "readHistory": True,
        "updateCreate": is_written,
        "conditionalCreate": is_written,
        "conditionalRead": "full-support",
        "conditionalUpdate": is_written,
        "conditionalDelete": "single" if is_written else "not-supported",
        "searchInclude": forward,
        "searchRevInclude": reverse,
        "searchParam": [_parameter(each) for each in parameters],
        **_operations(operations),
    }
