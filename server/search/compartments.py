"""Which patients a resource is about: the compartments that access is filtered by.

R4's Patient compartment also holds what merely names a patient as helper or as one of a crowd
(performer, author, member of a group). Whoever may see a patient's record may not see those by
that alone, so parameters of that sort do not count here; and an appointment of several patients is
in nobody's compartment.

Spec: https://hl7.org/fhir/R4/compartmentdefinition-patient.html
"""

from collections.abc import Callable, Mapping

from server.fhir.reference import parse
from server.profiles.definitions import Definitions
from server.search.expressions import Branch
from server.search.parameter import Parameter
from server.search.plans import Plans
from server.search.steps import Json, Resource, ValuesOf

HELPERS = frozenset(
    {
        "performer", "author", "asserter", "recorder", "recipient", "receiver", "requester",
        "sender", "payee", "payor", "policy-holder", "subscriber", "attester", "agent", "source",
        "member", "participant", "link",
    }
)  # fmt: skip
_CROWDS = frozenset({"actor"})
_Patients = Callable[[Resource], list[str]]


def patients(
    definitions: Definitions, type: str, ways: Mapping[str, tuple[Branch, ...]], base_url: str
) -> _Patients:
    """Return the function from a resource of `type` to the patients it is about (``Patient/a``)."""
    if type == "Patient":
        return lambda resource: [f"Patient/{resource['id']}"] if "id" in resource else []
    codes = definitions.compartments.get("Patient", {}).get(type, ())
    about = {
        way.path: way.values()
        for code in codes
        if code not in HELPERS
        for way in ways.get(code, ())
        if way.type == "Reference"
    }
    alone = not _CROWDS.isdisjoint(codes)
    getters = tuple(about.values())
    return lambda resource: _named(resource, getters, base_url, alone=alone)


def about_main(plans: Plans, type: str) -> bool:
    """Tell whether whom a resource of `type` is about is what its field ``pt`` holds.

    Then an index that the type has anyway serves for it.
    """
    plan = plans[type]
    main = plan.main.get("pt")
    codes = set(plans.definitions.compartments.get("Patient", {}).get(type, ())) - HELPERS
    known = [plan.parameters[code] for code in codes if code in plan.parameters]
    return bool(main and known) and all(_leaf(one).code == main for one in known)


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
