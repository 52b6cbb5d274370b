"""What goes into an operation is as its definition says, or refused.

Spec: https://hl7.org/fhir/R4/operations.html#request
"""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir.outcome import BadRequest, MethodNotAllowed, Unprocessable
from server.interactions.call import Call
from server.operations import arguments
from server.profiles.operations import OperationDefinition, Parameter
from server.services import Interpreters
from server.settings import Settings


class _Context:
    interpreters = Interpreters.of(Settings())


CONTEXT = _Context()
PATIENT = {"resourceType": "Patient", "active": True}
KNOWN = (
    Parameter("resource", 0, 1, "Resource"),
    Parameter("mode", 0, 1, "code"),
    Parameter("count", 0, 1, "positiveInt"),
    Parameter("exact", 0, 1, "decimal"),
    Parameter("all", 0, 1, "boolean"),
    Parameter("since", 0, 1, "instant"),
    Parameter("type", 0, None, "code"),
    Parameter("meta", 0, 1, "Meta"),
)
HAS = {"levels": frozenset({"type"}), "types": frozenset(), "affects_state": False}
OPERATION = OperationDefinition(
    "some", "urn:some", "some", parameters={one.name: one for one in KNOWN}, **HAS
)


def needing(*parameters):
    named = {one.name: one for one in parameters}
    return OperationDefinition("some", "urn:some", "some", parameters=named, **HAS)


def read(*query, body=None, definition=OPERATION, method="POST"):
    sent = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
    call = Call(
        interaction="operation", method=method, type="Patient", query=tuple(query), body=sent
    )
    return arguments.read(CONTEXT, call, definition)


def parameters(*rows):
    return {"resourceType": "Parameters", "parameter": list(rows)}


def test_simple_values_come_in_the_query():
    found = read(("mode", "create"), ("type", "Patient"), ("type", "Group"), ("_format", "json"))
    assert found.text("mode") == "create"
    assert found.texts["type"] == ("Patient", "Group")


def test_a_number_that_is_too_large_means_as_much_as_there_is():
    assert read(("count", "9" * 400)).text("count") == "9" * 400


def test_all_values_come_in_a_parameters_resource():
    body = parameters(
        {"name": "mode", "valueCode": "update"},
        {"name": "count", "valuePositiveInt": 3},
        {"name": "all", "valueBoolean": True},
        {"name": "meta", "valueMeta": {"tag": [{"code": "a"}]}},
        {"name": "resource", "resource": PATIENT},
    )
    found = read(body=body)
    assert (found.text("mode"), found.text("count"), found.text("all")) == ("update", "3", "true")
    assert found.value("meta") == b'{"tag":[{"code":"a"}]}'
    assert found.value("resource") == orjson.dumps(PATIENT)


def test_digits_of_values_and_resources_stay():
    body = (
        b'{"resourceType":"Parameters","parameter":[{"name":"exact","valueDecimal":1.500},'
        b'{"name":"resource","resource":{"resourceType":"Observation","valueQuantity":'
        b'{"value":2.00}}}]}'
    )
    found = read(body=body)
    assert found.text("exact") == "1.500"
    assert b"2.00" in found.value("resource")


def test_one_resource_may_come_as_it_is_beside_a_query():
    found = read(("mode", "create"), body=PATIENT)
    assert found.value("resource") == orjson.dumps(PATIENT)
    assert found.text("mode") == "create"


def test_a_resource_is_taken_with_its_faults():
    """To tell of them may be what the operation does."""
    broken = {"resourceType": "Patient", "nonsense": [None]}
    assert read(body=broken).value("resource") == orjson.dumps(broken)
    body = parameters({"name": "resource", "resource": broken})
    assert read(body=body).value("resource") == orjson.dumps(broken)


@pytest.mark.parametrize("key", ["valueString", "valueUri", "valueCanonical", "valueCode"])
def test_a_text_may_come_as_any_string_type(key):
    assert read(body=parameters({"name": "mode", key: "create"})).text("mode") == "create"


def test_an_extension_of_a_value_is_passed_over():
    beside = {"extension": [{"url": "urn:a", "valueString": "b"}]}
    body = parameters({"name": "mode", "valueCode": "create", "_valueCode": beside})
    assert read(body=body).text("mode") == "create"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", "0"), ("count", "-1"), ("count", "1.5"), ("count", "x"), ("count", ""),
        ("count", " 1"),
        ("count", "9" * 1001), ("count", "-" + "9" * 99),
        ("exact", "NaN"), ("exact", "[1]"), ("exact", '"1"'),
        ("all", "yes"), ("all", "True"), ("since", "2020"), ("mode", " "), ("mode", ""),
        ("mode", "a\x00"), ("meta", "{}"), ("resource", "{}"), ("nonsense", "1"),
    ],
)  # fmt: skip
def test_a_query_that_the_definition_does_not_know_is_refused(name, value):
    with pytest.raises(BadRequest):
        read((name, value))


BESIDE = {"extension": [{"url": "urn:a", "valueString": "b"}]}


@pytest.mark.parametrize(
    "row",
    [
        {"name": "nonsense", "valueCode": "a"},
        {"name": "mode", "valueInteger": 1},
        {"name": "mode", "valueString": "two  blanks"},
        {"name": "mode", "resource": PATIENT},
        {"name": "mode", "valueCode": "create", "resource": PATIENT},
        {"name": "mode", "part": [{"name": "a", "valueCode": "b"}]},
        {"name": "mode", "_valueCode": BESIDE},
        {"name": "mode"},
        {"name": "resource", "resource": "Patient"},
        {"name": "resource", "resource": [PATIENT]},
        {"name": "resource", "resource": None},
        {"name": "resource", "valueString": "Patient"},
        {"name": "resource", "resource": PATIENT, "valueString": "a"},
        {"name": "count", "valuePositiveInt": 0},
        {"name": "count", "valuePositiveInt": "1"},
        {"name": "meta", "valueMeta": {"nonsense": 1}},
        {"name": "mode", "valueCode": "a", "valueString": "b"},
        {"name": 1, "valueCode": "a"},
        {"valueCode": "a"},
        {"name": "mode", "valueCode": "create", "nonsense": 1},
        {},
        None,
        "mode",
        ["mode"],
    ],
)
def test_a_row_that_the_definition_does_not_know_is_refused(row):
    with pytest.raises((BadRequest, Unprocessable)):
        read(body=parameters(row))


@pytest.mark.parametrize("rows", [None, "a", 1, {}, [], [[]], {"name": "mode"}])
def test_parameters_that_are_no_list_are_refused(rows):
    with pytest.raises(Unprocessable):
        read(body={"resourceType": "Parameters", "parameter": rows})


def test_a_refusal_names_the_place():
    body = parameters({"name": "type", "valueCode": "a"}, {"name": "nonsense", "valueCode": "a"})
    with pytest.raises(BadRequest) as refused:
        read(body=body)
    assert refused.value.issues[0].expression == "Parameters.parameter[1]"


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ([("mode", "a"), ("mode", "a")], None),
        ([("mode", "a")], parameters({"name": "mode", "valueCode": "a"})),
        ([], parameters(*[{"name": "resource", "resource": PATIENT}] * 2)),
    ],
)
def test_what_may_come_once_is_refused_twice(query, body):
    with pytest.raises(BadRequest) as refused:
        read(*query, body=body)
    assert refused.value.issues[0].message == "operation-parameter-repeated"


def test_what_has_to_come_is_missed():
    with pytest.raises(BadRequest) as refused:
        read(definition=needing(Parameter("a", 1, 1, "string")))
    assert refused.value.issues[0].message == "operation-parameter-missing"


def test_a_resource_has_the_type_that_the_definition_names():
    definition = needing(Parameter("bundle", 1, 1, "Bundle"))
    bundle = {"resourceType": "Bundle", "type": "collection"}
    assert read(body=bundle, definition=definition).value("bundle") == orjson.dumps(bundle)
    for body in (PATIENT, parameters({"name": "bundle", "resource": PATIENT})):
        with pytest.raises(BadRequest):
            read(body=body, definition=definition)


@pytest.mark.parametrize(
    "takes", [(), [Parameter(name, 0, 1, "Resource") for name in ("first", "second")]]
)
def test_one_resource_is_refused_where_it_is_not_clear_what_it_is(takes):
    with pytest.raises(BadRequest):
        read(body=PATIENT, definition=needing(*takes))


def test_what_changes_something_is_not_asked_for_by_get():
    definition = OperationDefinition(
        "some", "urn:some", "some", parameters={}, **{**HAS, "affects_state": True}
    )
    read(definition=definition)
    with pytest.raises(MethodNotAllowed) as refused:
        read(definition=definition, method="GET")
    assert refused.value.headers["Allow"] == "POST, OPTIONS"


scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text()
names = st.sampled_from(
    [*OPERATION.parameters, "name", "part", "resource", "resourceType", "extension", "url",
     "valueCode", "valueString", "valuePositiveInt", "valueDecimal", "valueBoolean", "valueMeta",
     "_valueCode", "parameter", "valueInstant", "nonsense"]
)  # fmt: skip
anything = st.recursive(
    scalars | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
rows = st.fixed_dictionaries({"name": names | anything}, optional={
    "valueCode": anything, "valuePositiveInt": anything, "valueMeta": anything,
    "resource": anything, "_valueCode": anything, "part": anything,
})  # fmt: skip


@given(st.lists(st.tuples(names | st.text(), st.text()), max_size=3), st.lists(rows | anything))
def test_whatever_comes_is_read_or_refused(query, given_rows):
    """Never anything but a refusal, and what is read is of the declared types."""
    try:
        body = orjson.dumps(parameters(*given_rows))
    except TypeError:
        return
    try:
        found = read(*query, body=body)
    except (BadRequest, Unprocessable):
        return
    assert found.texts.keys() | found.values.keys() <= OPERATION.parameters.keys()
    for values in found.values.values():
        assert all(isinstance(orjson.loads(value), dict) for value in values)


@given(st.text(), names)
def test_what_is_read_of_a_query_is_a_value_of_its_type(text, name):
    try:
        found = read((name, text))
    except BadRequest:
        return
    if name == "count":
        assert int(found.text(name)) > 0
    if name == "all":
        assert found.text(name) in ("true", "false")
