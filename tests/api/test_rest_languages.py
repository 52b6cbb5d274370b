"""Chinese by default, English when asked.

Spec: https://hl7.org/fhir/R4/http.html#general, RFC 9110 12.5.4
"""

import pytest

from tests.api.client import refused
from tests.builders import fresh, patient


@pytest.mark.parametrize(
    ("accept_language", "language"),
    [
        ("zh", "zh"),
        ("zh-CN", "zh"),
        ("zh-Hans-CN", "zh"),
        ("en", "en"),
        ("en-GB", "en"),
        ("EN-us", "en"),
        ("en;q=0.8, zh;q=0.9", "zh"),
        ("zh;q=0.8, en;q=0.9", "en"),
        ("fr, en;q=0.5", "en"),
        ("fr", "zh"),
        ("*", "zh"),
        ("", "zh"),
        ("en;q=0", "zh"),
        ("en;q=nonsense, zh", "zh"),
        (";;;,,,=", "zh"),
    ],
)
def test_accept_language(fhir, accept_language, language):
    answer = fhir.get(f"Patient/{fresh()}", Accept_Language=accept_language)
    refused(answer, 404, language=language)
    tag = "zh-CN" if language == "zh" else "en"
    assert answer.json()["language"] == tag
    assert answer.headers["Content-Language"] == tag


def test_every_kind_of_refusal_is_in_both_languages(fhir, english):
    attempts = [
        ("GET", f"Patient/{fresh()}", None, 404),
        ("GET", "Nonsense/1", None, 404),
        ("GET", "Patient?colour=red", None, 400),
        ("GET", "Patient?_count=x", None, 400),
        ("GET", "Patient/x?_summary=x", None, 400),
        ("GET", "Patient/a~b", None, 400),
        ("POST", "Patient/x", patient(), 405),
        ("POST", "Patient", b"{", 400),
        ("POST", "Patient", b"[]", 400),
        ("POST", "Patient", b"", 400),
        ("POST", "Patient", b'{"resourceType":"Patient","active":1,"active":2}', 400),
        ("POST", "Patient", patient(gender="lady"), 422),
        ("PUT", "Patient/x", patient(), 400),
        ("PUT", "Patient/x", patient(id="y"), 400),
    ]
    for method, path, body, status in attempts:
        for client, language in ((fhir, "zh"), (english, "en")):
            refused(client.request(method, path, body), status, language=language)


def test_the_expression_and_code_do_not_depend_on_the_language(fhir, english):
    wrong = patient(gender="lady", birthDate="x")
    chinese = refused(fhir.post("Patient", wrong), 422)
    in_english = refused(english.post("Patient", wrong), 422, language="en")
    assert [(each["code"], each["expression"]) for each in chinese] == [
        (each["code"], each["expression"]) for each in in_english
    ]
