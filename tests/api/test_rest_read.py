"""Reading a resource and its earlier versions.

Spec: https://hl7.org/fhir/R4/http.html#read, https://hl7.org/fhir/R4/http.html#vread
"""

import json
import re
import time
from email.utils import format_datetime, parsedate_to_datetime

import pytest

from tests.api.client import FHIR_JSON, HAN, etag, refused
from tests.builders import fresh, observation, patient


def test_what_was_written_is_read(fhir):
    stored = fhir.create(patient(birthDate="1970-02-03"))
    read = fhir.read("Patient", stored["id"])
    assert read == stored
    assert {name: value for name, value in read.items() if name not in ("id", "meta")} == patient(
        birthDate="1970-02-03"
    )


def test_a_read_tells_version_and_time_in_headers_and_in_meta(fhir):
    stored = fhir.create(patient())
    answer = fhir.get(f"Patient/{stored['id']}")
    assert answer.headers["Content-Type"].split(";")[0] == FHIR_JSON
    assert etag(answer) == 'W/"1"'
    assert answer.json()["meta"]["versionId"] == "1"
    modified = parsedate_to_datetime(answer.headers["Last-Modified"])
    assert abs(modified.timestamp() - time.time()) < 60
    instant = answer.json()["meta"]["lastUpdated"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)", instant)


def test_every_digit_of_a_decimal_comes_back(fhir):
    """https://hl7.org/fhir/R4/json.html#decimal: 1.0 and 1.00 differ in precision."""
    digits = ["1.50", "0.000", "100", "1.00000000000000001", "-3.14", "1E2", "1.5e-7"]
    for written in digits:
        body = json.dumps(observation()).replace("36.5", written).encode()
        answer = fhir.post("Observation", body)
        assert answer.status_code == 201, answer.text
        read = fhir.get(f"Observation/{answer.json()['id']}").text
        assert re.search(r'"value": ?([^,}\s]+)', read)[1] == written


def test_properties_keep_their_order_and_han_is_not_escaped(fhir):
    stored = fhir.create(
        {"resourceType": "Patient", "gender": "male", "active": True, "birthDate": "1999"}
        | {"name": [{"given": ["乙丑"], "family": "欧阳"}]}
    )
    text = fhir.get(f"Patient/{stored['id']}").text
    names = [name for name in json.loads(text) if name not in ("id", "meta")]
    assert names == ["resourceType", "gender", "active", "birthDate", "name"]
    assert text.index('"given"') < text.index('"family"')
    assert HAN.search(text)


def test_an_unknown_id_is_404(fhir):
    (issue,) = refused(fhir.get(f"Patient/{fresh()}"), 404)
    assert issue["code"] == "not-found"


def test_an_id_belongs_to_one_type(fhir):
    stored = fhir.create(patient())
    refused(fhir.get(f"Observation/{stored['id']}"), 404)


def test_a_deleted_resource_is_410(fhir):
    stored = fhir.create(patient())
    fhir.delete(f"Patient/{stored['id']}")
    (issue,) = refused(fhir.get(f"Patient/{stored['id']}"), 410)
    assert issue["code"] == "deleted"


def test_each_version_is_read_as_it_was(fhir):
    first = fhir.create(patient(gender="male"))
    second = fhir.update({**first, "gender": "female"})
    for version in (first, second):
        number = version["meta"]["versionId"]
        answer = fhir.get(f"Patient/{first['id']}/_history/{number}")
        assert answer.status_code == 200
        assert answer.json() == version
        assert etag(answer) == f'W/"{number}"'
        assert "Last-Modified" in answer.headers


@pytest.mark.parametrize("version", ["3", "0", "abc", "-1", "1.0", "99999999999999999999"])
def test_a_version_that_never_was_is_404(fhir, version):
    stored = fhir.create(patient())
    refused(fhir.get(f"Patient/{stored['id']}/_history/{version}"), 400, 404)


def test_the_version_of_a_deletion_is_410_and_the_one_before_it_stays(fhir):
    stored = fhir.create(patient())
    fhir.delete(f"Patient/{stored['id']}")
    refused(fhir.get(f"Patient/{stored['id']}/_history/2"), 410)
    assert fhir.get(f"Patient/{stored['id']}/_history/1").json() == stored


@pytest.mark.parametrize(
    ("tag", "status"),
    [('W/"1"', 304), ('"1"', 304), ('W/"9", W/"1"', 304), ("*", 304), ('W/"2"', 200)],
)
def test_if_none_match(fhir, tag, status):
    """https://hl7.org/fhir/R4/http.html#cread."""
    stored = fhir.create(patient())
    answer = fhir.get(f"Patient/{stored['id']}", If_None_Match=tag)
    assert answer.status_code == status
    if status == 304:
        assert not answer.content
        assert etag(answer) == 'W/"1"'


def test_if_modified_since(fhir):
    stored = fhir.create(patient())
    path = f"Patient/{stored['id']}"
    modified = fhir.get(path).headers["Last-Modified"]
    before = parsedate_to_datetime(modified).timestamp() - 10
    earlier = format_datetime(parsedate_to_datetime(modified).fromtimestamp(before).astimezone())
    assert fhir.get(path, If_Modified_Since=modified).status_code == 304
    assert fhir.get(path, If_Modified_Since=earlier).status_code == 200


def test_if_none_match_wins_over_if_modified_since(fhir):
    """RFC 9110 13.1.3: If-Modified-Since is ignored when If-None-Match is there."""
    stored = fhir.create(patient())
    path = f"Patient/{stored['id']}"
    modified = fhir.get(path).headers["Last-Modified"]
    answer = fhir.get(path, If_None_Match='W/"7"', If_Modified_Since=modified)
    assert answer.status_code == 200


def test_a_date_that_is_none_does_not_fail_the_server(fhir):
    """RFC 9110 13.1.3 lets it be ignored; refusing is right as well."""
    stored = fhir.create(patient())
    answer = fhir.get(f"Patient/{stored['id']}", If_Modified_Since="yesterday")
    assert answer.status_code in (200, 400)


def test_an_unknown_parameter_of_a_read_is_refused_unless_the_caller_is_lenient(fhir):
    stored = fhir.create(patient())
    path = f"Patient/{stored['id']}?colour=red"
    refused(fhir.get(path), 400)
    assert fhir.get(path, Prefer="handling=lenient").status_code == 200
