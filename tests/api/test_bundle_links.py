"""Links between the entries of a transaction become references of what is stored.

Spec: https://hl7.org/fhir/R4/http.html#trules, https://hl7.org/fhir/R4/bundle.html#references
"""

import json

import pytest

from tests.api.bundles import about, created, done, path, transaction, urn, why
from tests.builders import encounter, observation, patient


def test_links_between_entries_are_replaced_wherever_links_stand(fhir):
    one, other = urn(), urn()
    text = {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{one}">甲</a> {one}</div>',
    }
    told = observation(
        text=text,
        subject={"reference": one},
        encounter={"reference": other},
        identifier=[{"system": "urn:ietf:rfc:3986", "value": one}],
        note=[{"text": one}],
        extension=[{"url": "urn:test:link", "valueUri": one}],
    )
    sent = transaction(created(told), created(encounter(subject={"reference": one}), other),
                       created(patient(), one))  # fmt: skip
    first, second, third = done(fhir.post("", sent))
    read = fhir.get(path(first)).json()
    assert read["subject"]["reference"] == path(third)
    assert read["encounter"]["reference"] == path(second)
    assert read["extension"][0]["valueUri"] == path(third)
    assert f'<a href="{path(third)}">甲</a> {one}</div>' in read["text"]["div"]
    # Neither a string nor the value of an identifier is a link.
    assert (read["identifier"][0]["value"], read["note"][0]["text"]) == (one, one)


def test_entries_may_refer_to_each_other_in_a_circle(fhir):
    one, other = urn(), urn()
    sent = transaction(
        created(patient(link=[{"other": {"reference": other}, "type": "seealso"}]), one),
        created(patient(link=[{"other": {"reference": one}, "type": "seealso"}]), other),
    )
    first, second = done(fhir.post("", sent))
    assert fhir.get(path(first)).json()["link"][0]["other"]["reference"] == path(second)
    assert fhir.get(path(second)).json()["link"][0]["other"]["reference"] == path(first)


def test_a_relative_reference_is_read_against_the_full_url_it_stands_in(fhir):
    elsewhere = "https://emr.example/fhir"
    sent = transaction(
        created(patient(id="7"), f"{elsewhere}/Patient/7"),
        created(about("Patient/7"), f"{elsewhere}/Observation/8"),
        created(about(f"{elsewhere}/Patient/7"), urn()),
        # This one is not of that server, so its Patient/7 is somebody of ours.
        created(about("Patient/7"), urn()),
    )
    person, *others = done(fhir.post("", sent))
    found = [fhir.get(path(one)).json()["subject"]["reference"] for one in others]
    assert found == [path(person), path(person), "Patient/7"]


def test_a_reference_of_another_server_with_the_same_path_stays(fhir):
    sent = transaction(
        created(patient(id="7"), "https://a.example/fhir/Patient/7"),
        created(about("https://b.example/fhir/Patient/7"), urn()),
    )
    _, other = done(fhir.post("", sent))
    subject = fhir.get(path(other)).json()["subject"]
    assert subject["reference"] == "https://b.example/fhir/Patient/7"


def test_digits_and_letters_stay_as_they_came(fhir):
    one = urn()
    told = json.dumps(about(one), ensure_ascii=False).replace("36.5", "36.500")
    raw = json.dumps(transaction(created(patient(), one), created({"resourceType": "X"})))
    raw = raw.replace('{"resourceType": "X"}', told).replace('"url": "X"', '"url": "Observation"')
    _, answered = done(fhir.post("", raw.encode()))
    assert '"value":36.500' in fhir.get(path(answered)).text


@pytest.mark.parametrize("others", [0, 1])
@pytest.mark.parametrize(
    "link",
    ["urn:uuid:0a8b1c2d-0000-4000-8000-000000000001", "Patient?identifier=urn:test:none|none"],
)
def test_a_link_that_leads_nowhere_is_found_however_it_is_spelled(fhir, link, others):
    """RFC 8259 section 7: any character may be escaped."""
    one = about(link)
    for place, new in ((0, r"\u%04x"), (4, r"\u%04x")):
        spelled = link[:place] + new % ord(link[place]) + link[place + 1 :]
        sent = transaction(created(one), *[created(patient(), urn())] * others)
        body = json.dumps(sent).replace(link, spelled)
        hidden = body.replace('"reference"', '"\\u0072eference"')
        assert json.loads(body) == json.loads(hidden) == sent
        for each in (body, hidden):
            status = 400 if link.startswith("urn") else 412
            assert why(fhir.post("", each.encode()), status) in (
                "reference-unresolved", "reference-unmatched",
            )  # fmt: skip


def test_a_link_is_replaced_however_it_is_spelled(fhir):
    one = urn()
    sent = transaction(created(about(one)), created(patient(), one))
    body = json.dumps(sent).replace(f'"reference": "{one}"', rf'"reference": "\u0075{one[1:]}"')
    assert body.count("0075") == 1
    told, somebody = done(fhir.post("", body.encode()))
    assert fhir.get(path(told)).json()["subject"]["reference"] == path(somebody)
