"""Which patients a resource is about: the compartments that access is filtered by.

R4's Patient compartment also holds what merely names a patient as helper or as one of a crowd
(performer, author, member of a group). Whoever may see a patient's record may not see those by
that alone, so parameters of that sort do not count here; and what is about several patients, such
as an appointment of two, is in nobody's compartment. Only an AuditEvent is about all it names. A
document is about whom its Composition is about, though R4 has no compartment for Bundles.

Spec: https://hl7.org/fhir/R4/compartmentdefinition-patient.html
"""

from collections.abc import Callable, Mapping

from server.fhir.reference import parse
from server.profiles.definitions import Definitions
from server.search import proxies
from server.search.expressions import Branch
from server.search.parameter import Parameter
from server.search.steps import Json, Resource, ValuesOf

HELPERS = frozenset(
    {
        "performer", "author", "asserter", "recorder", "recipient", "receiver", "requester",
        "sender", "payee", "payor", "policy-holder", "subscriber", "attester", "agent", "source",
        "member", "participant", "link",
    }
)  # fmt: skip
_OF_MANY = "AuditEvent"
_DOCUMENT = "Bundle"
_Patients = Callable[[Resource], list[str]]


def patients(
    definitions: Definitions, type: str, ways: Mapping[str, tuple[Branch, ...]], base_url: str
) -> _Patients:
    """Return the function from a resource of `type` to the patients it is about (``Patient/a``)."""
    if type == "Patient":
        return lambda resource: [f"Patient/{resource['id']}"] if "id" in resource else []
    if type == _DOCUMENT:
        return lambda resource: _of_document(resource, base_url)
    if type in proxies.TYPES:
        return lambda resource: proxies.patients(resource, base_url)
    codes = definitions.compartments.get("Patient", {}).get(type, ())
    about = {
        way.path: way.values()
        for code in codes
        if code not in HELPERS
        for way in ways.get(code, ())
        if way.type == "Reference"
    }
    alone = type != _OF_MANY
    getters = tuple(about.values())
    return lambda resource: _named(resource, getters, base_url, alone=alone)


def field(
    definitions: Definitions,
    type: str,
    parameters: Mapping[str, Parameter],
    main: Mapping[str, str],
) -> str | None:
    """Return the field by which resources of `type` about one patient are found.

    It is ``pt`` where that holds all that ``comp`` does, for an index that the type has anyway
    serves then. None if no resource of that type is about a patient.
    """
    codes = set(definitions.compartments.get("Patient", {}).get(type, ())) - HELPERS
    known = [_leaf(parameters[code]).code for code in codes if code in parameters]
    if type == "Patient":
        return "_id"
    if not known:
        return "comp" if type == _DOCUMENT or type in proxies.TYPES else None
    return "pt" if set(known) == {main.get("pt")} else "comp"


def _of_document(bundle: Resource, base_url: str) -> list[str]:
    match bundle:
        case {
            "type": "document",
            "entry": [{"resource": {"resourceType": "Composition", "subject": subject}}, *_],
        }:
            named = _patient(subject, base_url)
            return [] if named is None else [named]
    return []


def _leaf(parameter: Parameter) -> Parameter:
    """Return the one parameter whose entries `parameter` is searched in, or itself."""
    while len(parameter.sources) == 1:
        parameter = parameter.sources[0]
    return parameter


def _named(
    resource: Resource, getters: tuple[ValuesOf, ...], base_url: str, *, alone: bool
) -> list[str]:
    found: dict[str, None] = {}
    for get in getters:
        for value in get(resource, resource):
            named = _patient(value, base_url)
            if named is not None:
                found[named] = None
    return [] if alone and len(found) > 1 else list(found)


def _patient(value: Json, base_url: str) -> str | None:
    text = value.get("reference")
    if text is None:
        return None
    target = parse(text, base_url)
    return target.text if target.local and target.type == "Patient" else None
