"""A resource that is made from a profile conforms; with any one of its rules broken it does not.

Spec: https://hl7.org/fhir/R4/profiling.html
"""

import copy

from hypothesis import given
from hypothesis import strategies as st

from server.fhir.outcome import Unprocessable
from tests.unit.profiles.profiling import OURS, patient, profile

SYSTEMS = ("a", "b", "c")


@st.composite
def bounds(draw):
    """Return a minimum and a maximum, None for any number."""
    low = draw(st.integers(0, 2))
    return low, draw(st.one_of(st.none(), st.integers(max(low, 1), 3)))


@st.composite
def profiles(draw):
    """Return the bounds of each slice of identifier, the bounds of all, and how open it is."""
    slices = {name: draw(bounds()) for name in draw(st.sets(st.sampled_from(SYSTEMS), min_size=1))}
    return slices, draw(st.sampled_from(["open", "closed", "openAtEnd"]))


def definition(slices, rules):
    discriminator = [{"type": "value", "path": "system"}]
    rows = [("Patient.identifier", {"slicing": {"discriminator": discriminator, "rules": rules}})]
    for name, (low, high) in slices.items():
        facts = {"sliceName": name, "min": low, "max": "*" if high is None else str(high)}
        rows.append(("Patient.identifier", facts))
        rows.append(("Patient.identifier.system", {"min": 1, "fixedUri": f"urn:{name}"}))
        rows.append(("Patient.identifier.value", {"min": 1, "maxLength": 5}))
    return profile(*rows)


@st.composite
def conforming(draw):
    """Return a profile and identifiers that conform to it."""
    slices, rules = draw(profiles())
    found = []
    for name, (low, high) in slices.items():
        count = draw(st.integers(low, high if high is not None else low + 2))
        found += [{"system": f"urn:{name}", "value": "1"}] * count
    found = list(draw(st.permutations(found)))
    if rules != "closed":
        found += [{"system": "urn:other"}] * draw(st.integers(0, 2))
    return slices, rules, found


@given(conforming())
def test_what_is_made_from_a_profile_conforms(room, made):
    slices, rules, found = made
    given = patient(identifier=found) if found else patient()
    assert room().errors(definition(slices, rules), given) == []


@given(conforming(), st.data())
def test_each_broken_rule_is_found_and_nothing_else(room, made, data):
    slices, rules, found = made
    name = data.draw(st.sampled_from(sorted(slices)))
    low, high = slices[name]
    one = {"system": f"urn:{name}", "value": "1"}
    rest = [item for item in found if item["system"] != f"urn:{name}"]
    broken = {}
    if low > 0:
        broken["profile-slice-min"] = [*[one] * (low - 1), *rest]
    if high is not None:
        broken["profile-slice-max"] = [*[one] * (high + 1), *rest]
    broken["profile-min"] = [{"system": f"urn:{name}"}, *[one] * (max(low, 1) - 1), *rest]
    broken["profile-length"] = [{**one, "value": "123456"}, *[one] * (max(low, 1) - 1), *rest]
    if rules == "closed":
        broken["profile-slice-closed"] = [*copy.deepcopy(found), {"system": "urn:other"}]
    if rules == "openAtEnd":
        broken["profile-slice-not-at-end"] = [
            {"system": "urn:other"},
            one,
            *[one] * (max(low, 1) - 1),
            *rest,
        ]
    message = data.draw(st.sampled_from(sorted(broken)))
    errors = room().errors(definition(slices, rules), patient(identifier=broken[message]))
    assert {one for one, _ in errors} == {message}


PATHS = st.sampled_from(
    ["Patient", "Patient.name", "Patient.name.family", "Patient.extension", "Patient.x",
     "Patient.deceasedBoolean", "Patient.deceased[x]", "Patient.identifier.assigner.identifier"]
)  # fmt: skip
SLICES = st.sampled_from([None, "a", "b", "a/b", "deceasedBoolean", "@default"])


@st.composite
def rows(draw):
    """Return a row whose structure is valid, whatever it means."""
    row = {"path": draw(PATHS)}
    name = draw(SLICES)
    if name is not None:
        row["sliceName"] = name
    if draw(st.booleans()):
        row["min"] = draw(st.integers(0, 3))
    if draw(st.booleans()):
        row["max"] = draw(st.sampled_from(["0", "1", "2", "*"]))
    if draw(st.booleans()):
        path = draw(st.sampled_from(["$this", "url", "system", "value", "resolve()", "x.y"]))
        kind = draw(st.sampled_from(["value", "exists", "type", "profile", "pattern"]))
        row["slicing"] = {"discriminator": [{"type": kind, "path": path}], "rules": "open"}
    return row


@given(st.lists(rows(), max_size=8))
def test_whatever_a_differential_says_it_is_compiled_or_refused(room, given):
    judge = room()
    whole = patient(
        name=[{"family": "a"}], deceasedBoolean=True, identifier=[{"system": "urn:a"}],
        extension=[{"url": OURS + "x", "valueString": "a"}],
    )  # fmt: skip
    try:
        compiled = judge.guide.compiled(profile(*given))
    except Unprocessable:
        return
    judge.checking.faults(whole, [compiled], judge.guide.find)
