"""The definitions that come with the server are resources like any other, but for who writes them.

Spec: https://hl7.org/fhir/R4/operationdefinition.html
"""

import orjson
import pytest

from server import content
from tests.api.client import refused
from tests.builders import fresh

FILES = sorted(
    file
    for folder in ("OperationDefinition", "SearchParameter")
    for file in (content.PROFILES / folder).glob("*.json")
)
each = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def path(file):
    return f"{file.parent.name}/{file.stem}"


@each
def test_it_is_read_as_it_comes(fhir, file):
    stored = fhir.read(file.parent.name, file.stem)
    shipped = orjson.loads(file.read_bytes())
    assert {**stored, "meta": None} == {**shipped, "meta": None}


@each
def test_it_is_found_by_its_url_and_code(fhir, file):
    shipped = orjson.loads(file.read_bytes())
    for query in (f"url={shipped['url']}", f"code={shipped['code']}"):
        assert file.stem in fhir.ids(f"{file.parent.name}?{query}")


@each
def test_it_is_valid_by_our_own_validator(fhir, file):
    answer = fhir.get(f"{path(file)}/$validate")
    told = [issue for issue in answer.json()["issue"] if issue["severity"] == "error"]
    assert answer.status_code == 200
    assert told == []


def test_it_has_a_history(fhir):
    (entry,) = fhir.bundle("OperationDefinition/meta/_history")["entry"]
    assert entry["resource"]["meta"]["versionId"] == "1"


@each
def test_nobody_overwrites_or_deletes_it(fhir, file):
    stored = fhir.read(file.parent.name, file.stem)
    url = stored["url"]
    refused(fhir.put(path(file), {**stored, "status": "retired"}), 403)
    refused(fhir.delete(path(file)), 403)
    refused(fhir.delete(f"{file.parent.name}?url={url}"), 403)
    changed = {name: value for name, value in stored.items() if name != "id"}
    refused(fhir.put(f"{file.parent.name}?url={url}", {**changed, "status": "retired"}), 403)
    for method in ("PUT", "DELETE"):
        entry = {"request": {"method": method, "url": path(file)}}
        if method == "PUT":
            entry["resource"] = {**stored, "status": "retired"}
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
        refused(fhir.post("", bundle), 403)
    assert fhir.read(file.parent.name, file.stem) == stored


def test_under_another_id_anybody_with_the_right_stores_one(fhir):
    mine = {**fhir.read("OperationDefinition", "meta"), "id": fresh(), "url": f"urn:{fresh()}"}
    assert fhir.update(mine)["id"] == mine["id"]


def test_its_parameter_is_in_force_once(fhir):
    (rest,) = fhir.get("metadata").json()["rest"]
    (patient,) = [one for one in rest["resource"] if one["type"] == "Patient"]
    assert [one["name"] for one in patient["searchParam"]].count("pinyin") == 1
