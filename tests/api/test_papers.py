"""Documents of WS/T 500, posted as records of the visits that they are about.

Spec: docs/cda.md
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.api.client import refused
from tests.builders import fresh

GOLDEN = Path(__file__).parents[1] / "unit" / "mappings" / "cda_golden"
CDA = "application/hl7-v3+xml"
TYPE = "EncounterRecord"


@pytest.fixture
def post(base):
    """Return a function that posts a sample, of a visit of its own, and gives the answer."""
    number = fresh()[:12]

    def posted(code, old="", new="", **headers):
        text = (GOLDEN / f"{code}.xml").read_text("utf-8").replace(old, new)
        text = text.replace('extension="M001"', f'extension="{number}"')
        text = text.replace('extension="MZ0001"', f'extension="{number}"')
        told = {"Content-Type": CDA, **headers}
        return requests.post(f"{base}/{TYPE}", text.encode(), headers=told, timeout=60)

    return posted


def test_a_document_becomes_the_record_of_its_visit(fhir, post):
    answer = post("C0002")
    assert answer.status_code == 201, answer.text
    stored = answer.json()
    assert stored["chiefComplaint"] == "头晕三天"
    assert fhir.get(f"{TYPE}/{stored['id']}").json() == stored
    assert post("C0002").status_code == 200


def test_documents_of_one_visit_are_one_record_whichever_comes_first(fhir, post):
    first = post("C0004").json()
    answer = post("C0007")
    assert answer.status_code == 200, answer.text
    stored = answer.json()
    assert stored["id"] == first["id"]
    assert [one["medicine"] for one in stored["prescription"]] == ["阿莫西林胶囊", "布洛芬片"]
    assert [one["report"] for one in stored["result"]] == ["R001"] * 3


def test_a_document_of_another_person_is_not_put_into_the_record(fhir, post):
    first = post("C0004").json()
    (issue,) = refused(post("C0007", "测试甲", "另一人"), 422)
    assert issue["expression"] == [f"{TYPE}.patient"]
    assert fhir.get(f"{TYPE}/{first['id']}").json() == first


def test_documents_that_come_at_once_lose_nothing(post):
    with ThreadPoolExecutor(4) as pool:
        answers = [*pool.map(post, ("C0004", "C0007", "C0004", "C0007"))]
    assert {one.status_code for one in answers} <= {200, 201}, [one.text for one in answers]
    stored = post("C0007").json()
    assert len(stored["prescription"]) == 2
    assert len(stored["result"]) == 3


def test_what_is_wrong_is_told_by_data_element_and_nothing_is_stored(fhir, post):
    answer = post("C0002", 'value="20240301100041"', 'value="20230230100041"')
    refused(answer, 422)
    assert "DE06.00.062.00" in {
        one["expression"][0] for one in answer.json()["issue"] if "expression" in one
    }
    assert post("C0002").status_code == 201


def test_a_type_that_is_not_read_is_named(post):
    answer = post("C0002", 'code="C0002"', 'code="C0031"')
    refused(answer, 422)
    assert "C0031" in answer.text


def test_a_document_type_declaration_is_refused(post):
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    entity = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>'
    refused(post("C0002", head, head + entity), 400)


def test_what_was_put_right_is_told_to_who_asks(post):
    answer = post("C0007", Prefer="return=OperationOutcome")
    assert "J20.900" in answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    ("method", "place"),
    [("POST", "Patient"), ("POST", ""), ("PUT", f"{TYPE}/1"), ("PATCH", f"{TYPE}/1")],
)
def test_it_is_taken_nowhere_else_and_that_is_said(base, method, place):
    told = {"Content-Type": f"{CDA}; charset=utf-8"}
    body = b"<ClinicalDocument/>"
    answer = requests.request(method, f"{base}/{place}", data=body, headers=told, timeout=60)
    refused(answer, 415)
    assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == "cda-elsewhere"


def test_the_statement_says_where_it_is_taken(fhir):
    (rest,) = fhir.get("metadata").json()["rest"]
    (model,) = (one["extension"] for one in rest["extension"])
    told = {one["url"]: one.get("valueCode") for one in model}
    assert (told["type"], told["format"]) == (TYPE, CDA)
