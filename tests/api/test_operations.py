"""Whatever an operation is asked, it answers or refuses: never a 5xx, and never in silence.

Each operation is asked as its own definition has it, and in every wrong way.

Spec: https://hl7.org/fhir/R4/operations.html
"""

from pathlib import Path

import orjson
import pytest

from server import content
from tests.api.client import refused
from tests.builders import observation, patient

DEFINITIONS = [
    orjson.loads(file.read_bytes())
    for file in sorted((content.PROFILES / "OperationDefinition").glob("*.json"))
]
FORM = "application/x-www-form-urlencoded"
WRONG = {
    "boolean": "yes",
    "canonical": "  ",
    "code": " ",
    "date": "2020-13",
    "dateTime": "yesterday",
    "decimal": "x",
    "id": "a/b",
    "instant": "2020",
    "integer": "1.5",
    "positiveInt": "0",
    "string": "",
    "uri": " ",
    "url": " ",
}
"""For each primitive type what is no value of it."""


def example(type):
    return {"Observation": observation, "Patient": patient}.get(type, patient)()


def levels(definition):
    """Yield the name and the path of each level that an operation is had at; X is an id."""
    types = definition.get("resource", [])
    type = "Patient" if "Resource" in types else types[0] if types else None
    paths = {"system": "", "type": f"{type}/", "instance": f"{type}/X/"}
    for level, path in paths.items():
        if definition[level]:
            yield level, f"{path}${definition['code']}"


ASKED = [(one, level, path) for one in DEFINITIONS for level, path in levels(one)]
each = pytest.mark.parametrize(
    ("definition", "level", "path"), ASKED, ids=[f"{one['id']}-{level}" for one, level, _ in ASKED]
)


@pytest.fixture
def url(fhir):
    """Return a function that puts the id of a stored resource into a path."""

    def filled(path):
        type = path.partition("/")[0]
        return path.replace("/X/", f"/{fhir.create(example(type))['id']}/")

    return filled


def inputs(definition):
    return [one for one in definition["parameter"] if one["use"] == "in"]


def key(type):
    return f"value{type[0].upper()}{type[1:]}"


def wrong_rows(definition):
    """Yield rows of a Parameters resource that are not as the definition has it."""
    yield {"name": "nonsense", "valueString": "a"}
    yield {"name": "a" * 2000, "valueString": "a"}
    yield {"valueString": "a"}
    for one in inputs(definition):
        name = one["name"]
        yield {"name": name}
        yield {"name": name, "valueAge": {"value": 1}}
        yield {"name": name, "part": [{"name": "a", "valueCode": "b"}]}
        yield {"name": name, "resource": {"resourceType": "Patient"}, "valueString": "a"}
        yield {"name": name, "resource": 7}
        if one["type"] in WRONG:
            yield {"name": name, key(one["type"]): WRONG[one["type"]]}
            yield {"name": name, key(one["type"]): {"a": 1}}


@each
def test_a_wrong_query_is_refused(fhir, url, definition, level, path):
    changes = definition["affectsState"]
    queries = ["nonsense=1", "%ff=1", "=", "nonsense", "a=%zz"]
    for one in inputs(definition):
        name, type = one["name"], one["type"]
        queries += [f"{name}={WRONG[type]}"] if type in WRONG else [f"{name}={{}}"]
        if one["max"] == "1":
            queries.append(f"{name}=1&{name}=1")
    asked = url(path)
    for query in queries:
        refused(fhir.get(f"{asked}?{query}"), *((400, 405) if changes else (400,)))
        refused(fhir.post(asked, query.encode(), Content_Type=FORM), 400)


@each
def test_a_wrong_body_is_refused(fhir, url, definition, level, path):
    asked = url(path)
    for row in wrong_rows(definition):
        body = {"resourceType": "Parameters", "parameter": [row]}
        refused(fhir.post(asked, body), 400, 422)
    for rows in (None, {}, "a", [], [None], [[]], [1]):
        refused(fhir.post(asked, {"resourceType": "Parameters", "parameter": rows}), 400, 422)
    for body in (b"{", b"[]", b"null", b"\xff", b'{"resourceType":"Parameters","resourceType":1}'):
        refused(fhir.post(asked, body), 400)
    refused(fhir.post(asked, b"<Parameters/>", Content_Type="text/plain"), 415)


@pytest.mark.parametrize(
    "path", [path for one, _, path in ASKED if any(each["min"] for each in inputs(one))]
)
def test_what_has_to_be_there_is_missed(fhir, url, path):
    asked = url(path)
    refused(fhir.post(asked, {"resourceType": "Parameters"}), 400)
    refused(fhir.post(asked, b"", Content_Type=FORM), 400)


@each
def test_what_comes_twice_is_refused(fhir, url, definition, level, path):
    values = {"Meta": {"tag": [{"code": "a"}]}, "positiveInt": 1}
    asked = url(path)
    for one in inputs(definition):
        row = {"name": one["name"], key(one["type"]): values.get(one["type"], "create")}
        if one["type"] in ("Resource", "Any") or one["type"] in content_types():
            row = {"name": one["name"], "resource": patient()}
        if one["max"] == "1":
            body = {"resourceType": "Parameters", "parameter": [row, row]}
            refused(fhir.post(asked, body), 400, 422)


def content_types():
    return {one["name"] for one in orjson.loads((content.PROFILES / "r4/types.json").read_bytes())
            if one["kind"] == "resource"}  # fmt: skip


@each
def test_any_resource_as_the_body_is_answered_or_refused(fhir, url, definition, level, path):
    asked = url(path)
    bodies = [{}, {"resourceType": "Nonsense"}, patient(), observation(), {"resourceType": None}]
    for body in bodies:
        assert fhir.post(asked, body).status_code < 500


@each
def test_it_is_asked_by_get_only_if_it_changes_nothing(fhir, url, definition, level, path):
    asked = url(path)
    allowed = fhir.request("OPTIONS", asked).headers["Allow"].split(", ")
    assert ("GET" in allowed) != definition["affectsState"]
    assert "POST" in allowed
    for method in ("PUT", "DELETE"):
        refused(fhir.request(method, asked, b"{}" if method == "PUT" else None), 405)
        assert fhir.request(method, asked).headers["Allow"] == ", ".join(allowed)
    if definition["affectsState"]:
        answer = fhir.get(asked)
        refused(answer, 405)
        assert answer.headers["Allow"] == "POST, OPTIONS"


@pytest.mark.parametrize("path", [path for _, level, path in ASKED if level == "instance"])
def test_of_what_is_not_there_nothing_is_told(fhir, path):
    asked = path.replace("/X/", "/t-is-not-there/")
    refused(fhir.post(asked, {"resourceType": "Parameters"}), 400, 404)
    refused(fhir.get(asked), 404, 405)


@pytest.mark.parametrize(
    "path",
    ["$nonsense", "Patient/$nonsense", "Patient/a/$nonsense", "$validate", "Patient/$meta-add"],
)
def test_an_operation_that_there_is_not_is_404(fhir, path):
    refused(fhir.get(path), 404)
    refused(fhir.post(path, {"resourceType": "Parameters"}), 404)
    for method in ("OPTIONS", "DELETE"):
        refused(fhir.request(method, path), 404)


def test_every_operation_of_the_statement_resolves(fhir):
    (rest,) = fhir.get("metadata").json()["rest"]
    told = {one["definition"] for one in rest["operation"]}
    told |= {one["definition"] for type in rest["resource"] for one in type.get("operation", ())}
    # Of types beyond R4's the statement tells in an extension.
    told |= {
        part["valueCanonical"]
        for model in rest["extension"]
        for one in model["extension"]
        if one["url"] == "operation"
        for part in one["extension"]
        if part["url"] == "definition"
    }
    assert told == {one["url"] for one in DEFINITIONS}
    for definition in told:
        (id,) = fhir.ids(f"OperationDefinition?url={definition}")
        assert id == Path(definition).name
