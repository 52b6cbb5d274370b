"""What a binding asks of the codes in an element.

*required*: an error if no code is of the value set; *extensible*: a warning; *preferred*: told as
information; *example*: nothing. A code that its own system, which is here as a whole, does not
have is warned of at least. A maximum value set binds like a required one. What cannot be told,
as value set or code system are not here, is told as information and holds nobody up.

A code has to be valid for the day that its element is about: that of birth for a place of birth,
else the day the resource is about, else today.

Spec: https://hl7.org/fhir/R4/terminologies.html#strength
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from server.profiles.conformance import Rule, Run
from server.profiles.invariants.items import Item
from server.profiles.steps import At
from server.terminology.membership import UNKNOWN, Code, Verdict

MAXIMUM = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
_PLACE_OF_BIRTH = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace"
_SEVERITIES = {"required": "error", "extensible": "warning", "preferred": "information"}
_CODED = ("CodeableConcept", "Coding")
_NO_MEMBER = Verdict(is_member=False)
_DAYS = (
    ("effectiveDateTime",),
    ("effectivePeriod", "start"),
    ("performedDateTime",),
    ("performedPeriod", "start"),
    ("occurrenceDateTime",),
    ("period", "start"),
    ("onsetDateTime",),
    ("recordedDate",),
    ("authoredOn",),
    ("date",),
)
"""Where the day stands that a resource is about: the first of these that is there."""


def day_of(resource: Mapping[str, Any]) -> date | None:
    """Return the day that `resource` is about, None if it does not say one."""
    for way in _DAYS:
        value: Any = resource
        for name in way:
            value = value.get(name) if type(value) is dict else None
        if type(value) is str:
            return _day(value)
    return None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat((text[:10] + "-01-01")[:10])
    except ValueError:
        return None


def bound(binding: Mapping[str, Any]) -> Iterator[Rule]:
    """Yield the rules that `binding`, an ``ElementDefinition.binding``, makes."""
    strength, value_set = binding["strength"], binding.get("valueSet")
    if value_set is not None and strength in _SEVERITIES:
        yield _bound(value_set, strength)
    for one in binding.get("extension", ()):
        if one.get("url") == MAXIMUM and "valueCanonical" in one:
            yield _bound(one["valueCanonical"], "required")


def _bound(value_set: str, strength: str) -> Rule:
    severity = _SEVERITIES[strength]
    said = {"value_set": value_set, "strength": strength}

    def check(item: Item, at: At, run: Run) -> None:
        codes = _codes(item)
        if not codes:
            if item.type == "CodeableConcept" and strength in ("required", "extensible"):
                run.tell("code-invalid", "profile-binding-no-code", at, said, severity)
            return
        verdicts = _verdicts(item, codes, value_set, at, run)
        members = [one for one in verdicts if one.is_member]
        if len(members) == len(codes):
            return
        if members or severity != "error":
            _warn_of_unknown(verdicts, at, run)
        if members:
            return
        told = {"code": ", ".join(map(_shown, codes)), **said}
        if any(one.is_member is None for one in verdicts):
            run.tell("not-supported", "profile-binding-untold", at, told, "information")
        else:
            run.tell("code-invalid", "profile-binding", at, told, severity)

    return check


def _warn_of_unknown(verdicts: list[Verdict], at: At, run: Run) -> None:
    for one in verdicts:
        if one.reason == UNKNOWN:
            run.tell("code-invalid", UNKNOWN, at, one.arguments, "warning")


def _verdicts(item: Item, codes: list[Code], value_set: str, at: At, run: Run) -> list[Verdict]:
    """Return what is to be said of each of `codes`, having remarked on those that are members."""
    found, on = list[Verdict](), _on(at, run)
    member, needs_system = run.membership.member, item.type in _CODED
    for code in codes:
        # Only an element that is no more than a code takes its system from the value set.
        is_told = code.system is not None or not needs_system
        verdict = member(value_set, code, on) if is_told else _NO_MEMBER
        if verdict.is_member and (verdict.reason or verdict.display != code.display):
            _remark(code, verdict, at, run)
        found.append(verdict)
    return found


def _remark(code: Code, verdict: Verdict, at: At, run: Run) -> None:
    """Warn of a code that is a member, but not a current one, or that is called otherwise."""
    if verdict.reason is not None:
        run.tell("business-rule", verdict.reason, at, verdict.arguments, "warning")
    right, given = verdict.display, code.display
    if right is not None and given is not None and _folded(right) != _folded(given):
        told = {"code": _shown(code), "expected": right, "found": given[:100]}
        run.tell("value", "profile-display", at, told, "warning")


def _folded(text: str) -> str:
    return "".join(text.split()).casefold()


def _on(at: At, run: Run) -> date | None:
    """Return the day for which a code at `at` has to be valid."""
    resource = run.scope.resource.value
    if "birthDate" not in resource:
        return run.dated
    listed = resource.get("extension", ())
    where: At | None = at
    while where is not None:
        where, name, place = where
        is_listed = name == "extension" and place is not None and place < len(listed)
        if is_listed and listed[place].get("url") == _PLACE_OF_BIRTH:
            return _day(resource["birthDate"])
    return run.dated


def _codes(item: Item) -> list[Code]:
    value = item.value
    if type(value) is str:
        return [Code(value)]
    if type(value) is not dict:
        return []
    codings = value.get("coding", ()) if item.type == "CodeableConcept" else (value,)
    return [_code(one) for one in codings if type(one) is dict and type(one.get("code")) is str]


def _code(one: Mapping[str, Any]) -> Code:
    # A Quantity has its unit as a code, and no display that would be the code's.
    display = one.get("display") if "value" not in one else None
    return Code(one["code"], one.get("system"), one.get("version"), display)


def _shown(code: Code) -> str:
    return (code.code if code.system is None else f"{code.system}|{code.code}")[:120]
