"""Changes that break invariants, extensions and contained resources, whatever the profile.

A change yields (what, where, resource, is_good), as in ``changes``.

Spec: https://hl7.org/fhir/R4/conformance-rules.html#constraints
"""

from tests.pairs.ways import expression, value_at, with_another, with_value, without

_OURS = "https://tongkang.example/fhir/StructureDefinition/"
_EXTENSION = {"url": "https://other.example/e", "valueString": "a"}
_PERIOD = {"start": "2026-05-04", "end": "2026-05-03"}
_NARRATIVE = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'

INVARIANTS = {
    "Observation": (
        ("obs-3", "referenceRange[0]", "referenceRange", [{"age": {"low": {"value": 1}}}]),
    ),
    "Patient": (
        ("pat-1", "contact[0]", "contact", [{"gender": "male"}]),
        ("cpt-2", "telecom[0]", "telecom", [{"value": "1"}]),
        ("per-1", "identifier[0].period", ("identifier", 0, "period"), _PERIOD),
        ("att-1", "photo[0]", "photo", [{"data": "QQ=="}]),
    ),
    "RelatedPerson": (("per-1", "period", "period", _PERIOD),),
    "Practitioner": (("cpt-2", "telecom[0]", "telecom", [{"value": "1"}]),),
    "Organization": (
        ("org-2", "address[0]", "address", [{"use": "home", "text": "a"}]),
        ("org-3", "telecom[0]", "telecom", [{"use": "home", "system": "phone", "value": "1"}]),
    ),
    "Encounter": (("per-1", "period", "period", _PERIOD),),
    "Condition": (
        ("con-5", "", "verificationStatus", {"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/condition-ver-status",
            "code": "entered-in-error"}]}),
        ("con-1", "stage[0]", "stage", [{"type": {"text": "a"}}]),
        ("con-2", "evidence[0]", "evidence", [{"id": "a"}]),
    ),
    "Composition": (("cmp-1", "section[0]", ("section", 0), {"title": "a"}),),
    "Coverage": (("per-1", "period", "period", _PERIOD),),
    "AuditEvent": (("sev-1", "entity[0]", "entity", [{"name": "a", "query": "QQ=="}]),),
    "FamilyMemberHistory": (("fhs-2", "", "estimatedAge", True),),
    "Immunization": (("imm-1", "education[0]", "education", [{"publicationDate": "2026"}]),),
    "Consent": (("ppc-1", "", "policyRule", None),),
    "MedicationRequest": (
        ("tim-1", "dosageInstruction[0].timing.repeat", ("dosageInstruction", 0, "timing"),
         {"repeat": {"duration": 1}}),
        ("tim-9", "dosageInstruction[0].timing.repeat", ("dosageInstruction", 0, "timing"),
         {"repeat": {"when": ["C"], "offset": 5}}),
    ),
    "AllergyIntolerance": (("ait-1", "", "clinicalStatus", None),),
    "Medication": (("rat-1", "amount", "amount", {"numerator": {"value": 1}}),),
}  # fmt: skip
"""By type: key of the invariant, where it breaks, where something is put in, and what, or None."""


def invariants(_, resource):
    """Break what FHIR says of several elements together."""
    for key, where, at, value in INVARIANTS.get(resource["resourceType"], ()):
        way = at if isinstance(at, tuple) else (at,)
        if value_at(resource, way[:-1]) is None:
            continue
        if value is None:
            made = without(resource, way) if value_at(resource, way) else None
        else:
            made = with_value(resource, way, value)
        if made is not None:
            path = f"{resource['resourceType']}.{where}".rstrip(".")
            yield key, path, made, False
    type = resource["resourceType"]
    if type == "Observation" and any(key.startswith("value") for key in resource):
        made = with_value(resource, ("dataAbsentReason",), {"text": "a"})
        yield "obs-6", type, made, False
    made = with_value(resource, ("text",), {"status": "generated", "div": _NARRATIVE.format("")})
    yield "txt-2", f"{type}.text.div", made, False
    script = _NARRATIVE.format("<script>a</script>")
    made = with_value(resource, ("text",), {"status": "generated", "div": script})
    yield "txt-1", f"{type}.text.div", made, False
    good = {"status": "generated", "div": _NARRATIVE.format("<p>文</p>")}
    yield "narrative", f"{type}.text.div", with_value(resource, ("text",), good), True
    for way in _quantities(resource):
        made = without(resource, (*way, "system"))
        yield "qty-3", expression(resource, way), made, False


def extensions(_, resource):
    """Break extensions: of a wrong type, without a value, out of place, unknown modifiers."""
    type = resource["resourceType"]
    array = resource.get("extension", [])
    end = len(array)
    where = f"{type}.extension[{end}]"

    def added(value):
        return with_another(resource, ("extension",), value)

    yield "unknown", where, added(_EXTENSION), True
    yield "no-value", where, added({"url": "https://other.example/e"}), False
    yield "both", where, added({**_EXTENSION, "extension": [_EXTENSION]}), False
    yield "two-values", where, added({**_EXTENSION, "valueInteger": 1}), False
    yield "no-url", where, added({"valueString": "a"}), False
    misplaced = {"url": f"{_OURS}cn-address-type", "valueCoding": {
        "system": "urn:oid:2.16.156.10011.2.3.1.249", "version": "2023", "code": "09"}}  # fmt: skip
    yield "misplaced", where, added(misplaced), False
    modifier = with_value(resource, ("modifierExtension",), [_EXTENSION])
    yield "modifier", f"{type}.modifierExtension[0]", modifier, False
    for way in _national(resource):
        place = expression(resource, way)
        given = value_at(resource, way)
        bare = {"url": given["url"]}
        yield (
            "national-other-type",
            place,
            with_value(resource, way, {**bare, "valueInteger": 1}),
            False,
        )
        nested = {**bare, "extension": [_EXTENSION]}
        yield "national-nested", place, with_value(resource, way, nested), False
        yield "national-no-value", place, with_value(resource, way, bare), False
        holder = way[:-1]
        made = with_another(resource, holder, given)
        yield "national-doubled", expression(resource, holder), made, None


def contained(_, resource):
    """Put in contained resources, good ones and broken ones; the good are referred to."""
    type = resource["resourceType"]
    organization = {"resourceType": "Organization", "id": "c1", "name": "示例机构"}
    pointer = {"url": "https://other.example/e", "valueReference": {"reference": "#c1"}}
    known = with_another(resource, ("extension",), pointer)
    place = len(resource.get("contained", ()))
    where = f"{type}.contained[{place}]"

    def holding(inner, outer=known):
        return with_another(outer, ("contained",), inner)

    yield "good", where, holding(organization), True
    yield "not-referred-to", type, holding(organization, resource), False
    yield "nested", type, holding({**organization, "contained": [
        {"resourceType": "Organization", "id": "c2", "name": "a"}]}), False  # fmt: skip
    yield "with-version", type, holding({**organization, "meta": {"versionId": "1"}}), False
    yield "broken-type", where, holding({**organization, "active": "yes"}), False
    yield "unknown-element", where, holding({**organization, "colour": "red"}), False
    yield "org-1", where, holding({"resourceType": "Organization", "id": "c1"}), False
    yield "no-such-type", where, holding({"resourceType": "Nothing", "id": "c1"}), False


def _quantities(value, way=()):
    """Yield the ways to quantities with a code, the first two."""
    return list(_ways(value, way, lambda one: {"value", "system", "code"} <= one.keys()))[:2]


def _national(resource):
    """Yield the ways to extensions of ours."""
    return list(_ways(resource, (), lambda one: str(one.get("url", "")).startswith(_OURS)))


def _ways(value, way, is_wanted):
    if isinstance(value, dict):
        if is_wanted(value):
            yield way
        for key, inner in value.items():
            yield from _ways(inner, (*way, key), is_wanted)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _ways(inner, (*way, place), is_wanted)
