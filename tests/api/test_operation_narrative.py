"""$narrative: a text that the server makes of what a resource says, in Chinese or English."""

import json
from pathlib import Path

import pytest
import requests as http

from server.services import Interpreters
from server.settings import Settings

MARITAL_STATUS = "urn:oid:2.16.156.10011.2.3.3.5"
SUBJECT = '"subject":{"reference":"Patient/a","display":"合成居民"},'
OBSERVATION = (
    '{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org",'
    '"code":"8480-6","display":"收缩压"}]},"subject":{"reference":"Patient/a","display":"合成居民"},'
    '"effectiveDateTime":"2026-05-04","valueQuantity":{"value":120.00,"unit":"mmHg"},'
    '"note":[{"text":"<b>坐位</b>"}]}'
)


def asked(server, body, **query):
    return http.post(
        f"{server}/$narrative",
        params=query,
        data=body.encode() if isinstance(body, str) else json.dumps(body).encode(),
        headers={"Content-Type": "application/fhir+json"},
    )


def text(answer):
    assert answer.status_code == 200, answer.text
    assert answer.json()["text"]["status"] == "generated"
    return answer.json()["text"]["div"]


def test_it_tells_each_element_in_chinese(server):
    div = text(asked(server, OBSERVATION, language="zh"))
    assert "<p>观察</p>" in div
    for label, value in [
        ("名称", "收缩压"), ("居民", "合成居民"), ("时间", "2026-05-04"), ("结果", "120.00 mmHg"),
        ("备注", "&lt;b&gt;坐位&lt;/b&gt;"),
    ]:  # fmt: skip
        assert f"<tr><th>{label}</th><td>{value}</td></tr>" in div


def test_it_tells_them_in_english(server):
    div = text(asked(server, OBSERVATION, language="en"))
    assert "<tr><th>Value</th><td>120.00 mmHg</td></tr>" in div
    assert 'lang="en' in div


def test_it_follows_the_language_of_the_caller(server):
    answer = http.post(
        f"{server}/$narrative",
        data=OBSERVATION.encode(),
        headers={"Content-Type": "application/fhir+json", "Accept-Language": "en"},
    )
    assert "<th>Status</th>" in text(answer)


def test_digits_and_all_else_stay(server):
    answer = asked(server, OBSERVATION)
    assert '"value":120.00' in answer.text
    told = answer.json()
    del told["text"]
    assert told == json.loads(OBSERVATION)


def test_a_code_without_a_display_is_called_by_its_national_name(server):
    patient = {
        "resourceType": "Patient",
        "maritalStatus": {"coding": [{"system": MARITAL_STATUS, "code": "20"}]},
        "name": [{"family": "合", "given": ["成"]}],
        "birthDate": "1990-01-01",
    }
    div = text(asked(server, patient, language="zh"))
    assert "<th>婚姻状况</th><td>已婚</td>" in div
    assert "<th>姓名</th><td>合成</td>" in div


def test_what_a_person_wrote_is_kept(server):
    written = json.loads(OBSERVATION)
    div = '<div xmlns="http://www.w3.org/1999/xhtml">亲笔</div>'
    written["text"] = {"status": "additional", "div": div}
    assert asked(server, written).json()["text"] == written["text"]


def test_of_what_is_stored_it_needs_no_body_and_stores_nothing(server):
    made = http.post(
        f"{server}/Observation",
        data=OBSERVATION.replace(
            '"subject":{"reference":"Patient/a","display":"合成居民"},', ""
        ).encode(),
        headers={"Content-Type": "application/fhir+json"},
    ).json()
    url = f"{server}/Observation/{made['id']}"
    assert "120.00 mmHg" in text(http.get(f"{url}/$narrative"))
    assert "text" not in http.get(url).json()


@pytest.mark.parametrize(
    ("body", "query", "status"),
    [
        (OBSERVATION, {"language": "xx"}, 400),
        ('{"resourceType":"Observation"}', {}, 422),
        ('{"resourceType":"Nothing"}', {}, 422),
    ],
)
def test_what_cannot_be_told_is_refused_in_words(server, body, query, status):
    answer = asked(server, body, **query)
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_every_good_instance_of_the_national_profiles_has_a_valid_narrative(server):
    structure = Interpreters.of(Settings()).structure
    files = sorted((Path(__file__).parents[1] / "profiles").glob("*/good-*.json"))
    assert len(files) > 50
    for file in files:
        found = json.loads(file.read_text("utf-8"))
        found = found.get("resource", found)
        told = asked(server, found, language="zh")
        assert told.status_code == 200, (file, told.text)
        assert structure.faults(told.json()) == [], file
        assert "<td>" in told.json()["text"]["div"], file
