"""The quick and the thorough check agree, whatever is done to a resource."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server import content
from server.profiles.definitions import load
from server.profiles.structure import structure_validator

VALIDATOR = structure_validator(load(content.PROFILES / "r4"))

EXTENSION = {"url": "http://example.org/x", "valueString": "y"}
PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "meta": {"profile": ["http://example.org/p"], "tag": [{"code": "t"}]},
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
    "contained": [{"resourceType": "Organization", "id": "o", "name": "医院"}],
    "extension": [EXTENSION, {"url": "u", "extension": [EXTENSION]}],
    "name": [
        {
            "use": "official",
            "family": "王",
            "given": ["伟", None],
            "_given": [None, {"extension": [EXTENSION]}],
        }
    ],
    "gender": "male",
    "birthDate": "1990-02-28",
    "_birthDate": {"extension": [EXTENSION]},
    "deceasedBoolean": False,
    "managingOrganization": {"reference": "#o"},
    "contact": [{"telecom": [{"system": "phone", "value": "1", "rank": 1}]}],
}
CONDITION = {
    "resourceType": "Condition",
    "clinicalStatus": {
        "coding": [
            {
                "system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
                "code": "active",
            }
        ]
    },
    "subject": {"reference": "Patient/1"},
    "onsetAge": {
        "value": 30.5,
        "unit": "a",
        "system": "http://unitsofmeasure.org",
        "code": "a",
        "comparator": "<",
    },
    "stage": [{"summary": {"text": "x"}}],
}
BUNDLE = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [
        {"resource": PATIENT, "request": {"method": "POST", "url": "Patient"}},
        {"fullUrl": "http://example.org/c", "resource": CONDITION},
        {
            "resource": {
                "resourceType": "Parameters",
                "parameter": [{"name": "a", "part": [{"name": "b", "valueDecimal": 1.5}]}],
            }
        },
    ],
}
QUESTIONNAIRE = {
    "resourceType": "Questionnaire",
    "status": "draft",
    "_title": {"extension": [EXTENSION]},
    "subjectType": ["Patient"],
    "item": [
        {
            "linkId": "1",
            "type": "group",
            "item": [{"linkId": "2", "type": "integer", "initial": [{"valueInteger": 1}]}],
        }
    ],
}
SEEDS = [PATIENT, CONDITION, BUNDLE, QUESTIONNAIRE]

KEYS = st.sampled_from(
    sorted(
        {
            key
            for seed in SEEDS
            for text in [orjson.dumps(seed).decode()]
            for key in text.split('"')[1::2]
        }
        | {"_given", "_gender", "_name", "_linkId", "valueInteger", "deceasedDateTime", "_id"}
    )
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2**32),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from(["male", "2024", "2023-02-30", "Patient/1", "#o", "draft", "Patient", "a b "]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(KEYS, inner, max_size=3)
        | st.builds(lambda: {"extension": [dict(EXTENSION)]})
        | st.lists(st.builds(lambda: {"id": "a"}) | st.none(), max_size=3)
    ),
    max_leaves=6,
)


def places(value, path=()):
    """Return the path of every object and array in `value`."""
    match value:
        case dict():
            inner = [place for key, item in value.items() for place in places(item, (*path, key))]
        case list():
            inner = [
                place for index, item in enumerate(value) for place in places(item, (*path, index))
            ]
        case _:
            return []
    return [path, *inner]


def damage(data, resource):
    """Change one place of `resource`: replace, remove, add, repeat or move a value."""
    target = resource
    for step in data.draw(st.sampled_from(places(resource))):
        target = target[step]
    if isinstance(target, list):
        index = data.draw(st.integers(0, len(target)))
        target[index : index + data.draw(st.integers(0, 1))] = data.draw(
            st.lists(VALUES, max_size=2)
        )
        return
    key = data.draw(st.sampled_from(sorted(target)) | KEYS if target else KEYS)
    match data.draw(st.sampled_from(["set", "remove", "array", "sibling", "single"])):
        case "set":
            target[key] = data.draw(VALUES)
        case "remove":
            target.pop(key, None)
        case "array":
            target[key] = [target[key]] if key in target else []
        case "sibling":
            target[f"_{key}"] = data.draw(VALUES)
        case _:
            present = target.get(key)
            target[key] = present[0] if isinstance(present, list) and present else None


def agree(resource):
    issues = VALIDATOR.faults(resource)
    thorough = list(VALIDATOR.thorough.resource(resource))
    assert VALIDATOR.is_valid(resource) == (thorough == [])
    assert (issues == []) == (thorough == [])
    for issue in issues:
        assert issue.text("zh")
        assert issue.text("en")


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_they_agree_on_damaged_resources(data):
    # A copy of which no two parts are one object, so that damage is done in one place.
    resource = orjson.loads(orjson.dumps(data.draw(st.sampled_from(SEEDS))))
    for _ in range(data.draw(st.integers(1, 3))):
        damage(data, resource)
    agree(resource)


@given(VALUES | st.dictionaries(KEYS, VALUES, max_size=5))
@settings(max_examples=200, deadline=None)
def test_they_agree_on_anything(value):
    agree(value)
    if isinstance(value, dict):
        agree({**value, "resourceType": "Patient"})


STRANGE = [None, {}, [], [None], "", "x", 1, 1.5, True, {"id": "a"}, [{"id": "a"}], [["x"]]]


def parents(value):
    """Yield every object and array in `value`."""
    match value:
        case dict():
            yield value
            for item in list(value.values()):
                yield from parents(item)
        case list():
            yield value
            for item in list(value):
                yield from parents(item)


@pytest.mark.parametrize("seed", SEEDS)
def test_they_agree_when_one_value_is_replaced_whichever_it_is(seed):
    resource = orjson.loads(orjson.dumps(seed))
    for parent in list(parents(resource)):
        for key in range(len(parent)) if isinstance(parent, list) else list(parent):
            good = parent[key]
            unwrapped = good[:1] if isinstance(good, list) else [[good]]
            for value in [*STRANGE, [good], *unwrapped]:
                parent[key] = value
                agree(resource)
            parent[key] = good
    assert resource == seed


@pytest.mark.parametrize("seed", SEEDS)
def test_they_agree_when_a_property_is_removed_or_gets_a_sibling_whichever_it_is(seed):
    resource = orjson.loads(orjson.dumps(seed))
    for parent in [each for each in parents(resource) if isinstance(each, dict)]:
        before = dict(parent)
        for key in before:
            for value in STRANGE:
                parent[f"_{key}"] = value
                agree(resource)
            del parent[key]
            agree(resource)
            parent.clear()
            parent.update(before)
    assert VALIDATOR.faults(resource) == []


def test_the_undamaged_resources_are_good():
    for seed in SEEDS:
        assert VALIDATOR.faults(seed) == []
