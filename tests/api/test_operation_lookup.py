"""CodeSystem/$lookup and $subsumes: https://hl7.org/fhir/R4/codesystem-operations.html."""

import time
from urllib.parse import quote

import pytest

from server.store.definitions import _TOO_SOON_SECONDS
from tests.api.client import Client, refused
from tests.builders import fresh
from tests.processes import wait_until

GENDER = "http://hl7.org/fhir/administrative-gender"
ANIMALS = [
    {
        "code": "animal",
        "display": "动物",
        "designation": [{"language": "en", "value": "Animal"}],
        "concept": [
            {"code": "dog", "display": "狗", "concept": [{"code": "pug", "display": "八哥犬"}]}
        ],
    },
    {
        "code": "plant",
        "display": "植物",
        "definition": "没有脚",
        "property": [
            {"code": "weight", "valueDecimal": 1.5},
            {"code": "inactive", "valueBoolean": True},
        ],
    },
]


def told(answer):
    """Return the parameters by name: of each a list of values, or of dicts of its parts."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["resourceType"] == "Parameters"
    found = {}
    for one in body.get("parameter", ()):
        value = {p["name"]: _value(p) for p in one["part"]} if "part" in one else _value(one)
        found.setdefault(one["name"], []).append(value)
    return found


def _value(part):
    return next(value for name, value in part.items() if name.startswith("value"))


def code_system(url=None, *, concept=ANIMALS, **elements):
    return {
        "resourceType": "CodeSystem",
        "url": url or f"http://example.org/{fresh()}",
        "version": "1",
        "title": "生物",
        "status": "active",
        "content": "complete",
        "concept": concept,
        **elements,
    }


@pytest.fixture
def system(fhir):
    return fhir.create(code_system())


def test_a_code_is_looked_up_by_get(fhir, system):
    found = told(fhir.get(f"CodeSystem/$lookup?system={system['url']}&code=dog"))
    assert found["name"] == ["生物"]
    assert found["version"] == ["1"]
    assert found["display"] == ["狗"]
    assert {"code": "parent", "value": "animal"} in found["property"]
    assert {"code": "child", "value": "pug"} in found["property"]
    assert {"code": "inactive", "value": False} in found["property"]


def test_a_coding_is_looked_up_by_post(fhir, system):
    coding = {"system": system["url"], "code": "plant", "version": "1"}
    body = {"resourceType": "Parameters", "parameter": [{"name": "coding", "valueCoding": coding}]}
    answer = fhir.post("CodeSystem/$lookup", body)
    found = told(answer)
    assert {"code": "definition", "value": "没有脚"} in found["property"]
    assert {"code": "inactive", "value": True} in found["property"]
    assert '"valueDecimal":1.5}' in answer.text


def test_an_instance_is_asked(fhir, system):
    assert told(fhir.get(f"CodeSystem/{system['id']}/$lookup?code=pug"))["display"] == ["八哥犬"]
    other = f"CodeSystem/{system['id']}/$lookup?code=pug&system=urn:other"
    refused(fhir.get(other), 400)


def test_names_come_in_the_language_that_is_asked_for(fhir, system):
    asked = f"CodeSystem/$lookup?system={system['url']}&code=animal"
    assert told(fhir.get(f"{asked}&displayLanguage=en"))["display"] == ["Animal"]
    assert told(fhir.get(f"{asked}&displayLanguage=fr"))["display"] == ["动物"]
    found = told(fhir.get(f"{asked}&property=lang.en"))
    assert found["designation"] == [{"language": "en", "value": "Animal"}]
    assert "property" not in found


def test_only_the_properties_that_are_asked_for_are_told(fhir, system):
    asked = f"CodeSystem/$lookup?system={system['url']}&code=dog&property=parent&property=child"
    assert [one["code"] for one in told(fhir.get(asked))["property"]] == ["parent", "child"]


def test_hl7s_own_systems_are_known(fhir):
    assert told(fhir.get(f"CodeSystem/$lookup?system={GENDER}&code=male"))["display"] == ["Male"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (f"system={GENDER}&code=nobody", 404),
        ("system=http://example.org/no-such&code=a", 404),
        (f"system={GENDER}&code=male&version=0", 404),
        ("code=male", 400),
        (f"system={GENDER}", 400),
        (f"system={GENDER}&code=male&codes=b", 400),
        (f"system={GENDER}&code=", 400),
        (f"system={GENDER}&code=male&code=female", 400),
        (f"system={GENDER}&code=male&date=tomorrow", 400),
    ],
)
def test_what_cannot_be_looked_up_is_refused(fhir, query, status):
    refused(fhir.get(f"CodeSystem/$lookup?{query}"), status)


def test_what_is_new_is_known_to_all_processes_after_a_moment(base):
    url = f"http://example.org/{fresh()}"
    client = Client(base, {"Connection": "close"})
    asked = f"CodeSystem/$lookup?system={url}&code=dog"
    refused(client.get(asked), 404)
    client.create(code_system(url))
    time.sleep(_TOO_SOON_SECONDS)
    assert [client.get(asked).status_code for _ in range(8)] == [200] * 8


def test_what_is_stored_counts_in_all_processes_soon(fhir):
    system = fhir.create(code_system())
    asked = f"CodeSystem/$lookup?system={system['url']}&code=dog"

    def all_say(display):
        answers = [fhir.get(asked) for _ in range(8)]
        if display is None:
            return all(one.status_code == 404 for one in answers)
        return all(one.status_code == 200 and display in one.text for one in answers)

    wait_until(lambda: all_say("狗"))
    fhir.update({**system, "concept": [{"code": "dog", "display": "犬"}]})
    wait_until(lambda: all_say("犬"))
    fhir.delete(f"CodeSystem/{system['id']}")
    wait_until(lambda: all_say(None))


@pytest.mark.parametrize(
    ("a", "b", "outcome"),
    [
        ("dog", "dog", "equivalent"),
        ("animal", "pug", "subsumes"),
        ("pug", "animal", "subsumed-by"),
        ("dog", "plant", "not-subsumed"),
    ],
)
def test_one_concept_subsumes_another(fhir, system, a, b, outcome):
    by_code = f"CodeSystem/$subsumes?system={system['url']}&codeA={a}&codeB={b}"
    assert told(fhir.get(by_code)) == {"outcome": [outcome]}
    rows = [
        {"name": f"coding{name}", "valueCoding": {"system": system["url"], "code": code}}
        for name, code in (("A", a), ("B", b))
    ]
    body = {"resourceType": "Parameters", "parameter": rows}
    assert told(fhir.post("CodeSystem/$subsumes", body)) == {"outcome": [outcome]}
    on_instance = f"CodeSystem/{system['id']}/$subsumes?codeA={a}&codeB={b}"
    assert told(fhir.get(on_instance)) == {"outcome": [outcome]}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (f"system={GENDER}&codeA=male&codeB=nobody", 404),
        ("codeA=male&codeB=female", 400),
        (f"system={GENDER}&codeA=male", 400),
        ("system=urn:none&codeA=a&codeB=b", 404),
    ],
)
def test_what_cannot_be_compared_is_refused(fhir, query, status):
    refused(fhir.get(f"CodeSystem/$subsumes?{query}"), status)


def test_what_the_service_knows_is_told(fhir, system):
    found = fhir.get("metadata?mode=terminology").json()
    assert found["resourceType"] == "TerminologyCapabilities"
    known = {one["uri"]: one.get("version", []) for one in found["codeSystem"]}
    assert known[GENDER][0]["code"] == "4.0.1"
    assert {"name": "filter"} in found["expansion"]["parameter"]
    assert len(known) == len(found["codeSystem"])
    issues = fhir.post("TerminologyCapabilities/$validate", found).json()["issue"]
    assert [one for one in issues if one["severity"] == "error"] == []
    refused(fhir.get("metadata?mode=nothing"), 400)


def test_a_bad_url_is_no_server_error(fhir):
    for hostile in (
        "%00",
        quote("|" * 500),
        quote("http://x|" + "9" * 1000),
        "$(a)",
        "%F0%9F%90%B1",
    ):
        answer = fhir.get(f"CodeSystem/$lookup?system={hostile}&code=a")
        assert answer.status_code in (400, 404), answer.text
