"""Searching one type by id, time, token, reference and string.

Spec: https://hl7.org/fhir/R4/search.html
"""

import time
from urllib.parse import quote

import pytest

from tests.api.client import link, refused
from tests.builders import ID_CARD, encounter, fresh, observation, patient


@pytest.fixture
def mark():
    return fresh()


def test_a_searchset_has_matches_links_and_full_urls(fhir, mark):
    stored = fhir.create(patient(identifier=[{"value": mark}]))
    bundle = fhir.bundle(f"Patient?identifier={mark}")
    assert bundle["type"] == "searchset"
    (entry,) = bundle["entry"]
    assert entry["fullUrl"] == f"{fhir.base}/Patient/{stored['id']}"
    assert entry["search"]["mode"] == "match"
    assert entry["resource"] == stored
    assert link(bundle, "self").startswith(f"{fhir.base}/Patient?")
    assert mark in link(bundle, "self")
    assert link(bundle, "next") is None
    assert bundle.get("total", 1) == 1


def test_no_match_is_an_empty_searchset(fhir, mark):
    bundle = fhir.bundle(f"Patient?identifier={mark}")
    assert bundle["type"] == "searchset"
    assert "entry" not in bundle, "an empty array is not FHIR JSON"
    assert bundle.get("total", 0) == 0


def test_search_by_post_finds_the_same(fhir, mark):
    stored = fhir.create(patient(identifier=[{"value": mark}]))
    form = f"identifier={mark}".encode()
    answer = fhir.post("Patient/_search", form, Content_Type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    assert [entry["resource"]["id"] for entry in answer.json()["entry"]] == [stored["id"]]


def test_search_by_post_takes_parameters_from_both_places(fhir, mark):
    stored = fhir.create(patient(identifier=[{"value": mark}], gender="male"))
    fhir.create(patient(identifier=[{"value": mark}], gender="female"))
    answer = fhir.post(
        "Patient/_search?gender=male",
        f"identifier={mark}".encode(),
        Content_Type="application/x-www-form-urlencoded",
    )
    assert [entry["resource"]["id"] for entry in answer.json()["entry"]] == [stored["id"]]


def test_by_id(fhir):
    first, second = fhir.create(patient()), fhir.create(patient())
    assert fhir.ids(f"Patient?_id={first['id']}") == [first["id"]]
    both = fhir.ids(f"Patient?_id={first['id']},{second['id']}")
    assert sorted(both) == sorted([first["id"], second["id"]])
    assert fhir.ids(f"Patient?_id={first['id']}&_id={second['id']}") == []


def test_by_last_updated(fhir, mark):
    first = fhir.create(patient(identifier=[{"value": mark}]))
    time.sleep(0.02)
    second = fhir.create(patient(identifier=[{"value": mark}]))
    moment = quote(second["meta"]["lastUpdated"])
    query = f"Patient?identifier={mark}&_lastUpdated="
    assert fhir.ids(f"{query}ge{moment}") == [second["id"]]
    assert fhir.ids(f"{query}lt{moment}") == [first["id"]]
    assert fhir.ids(f"{query}{moment}") == [second["id"]]
    assert fhir.ids(f"{query}gt2999") == []


@pytest.mark.parametrize(
    ("searched", "found"),
    [
        ("{system}|{mark}", True),
        ("{mark}", True),
        ("{system}|", True),
        ("|{mark}", False),
        ("{system}|other", False),
        ("urn:other|{mark}", False),
        ("{system}|other,{system}|{mark}", True),
        ("{mark}x", False),
    ],
)
def test_token_forms(fhir, mark, searched, found):
    """https://hl7.org/fhir/R4/search.html#token."""
    stored = fhir.create(patient(identifier=[{"system": ID_CARD, "value": mark}]))
    value = quote(searched.format(system=ID_CARD, mark=mark))
    expected = [stored["id"]] if found else []
    assert fhir.ids(f"Patient?_id={stored['id']}&identifier={value}") == expected


def test_a_token_without_system_is_found_by_an_empty_system(fhir, mark):
    stored = fhir.create(patient(identifier=[{"value": mark}]))
    assert fhir.ids(f"Patient?identifier={quote('|' + mark)}") == [stored["id"]]


@pytest.mark.parametrize(("searched", "found"), [("true", True), ("false", False)])
def test_a_boolean_is_a_token(fhir, searched, found):
    stored = fhir.create(patient(active=True))
    expected = [stored["id"]] if found else []
    assert fhir.ids(f"Patient?_id={stored['id']}&active={searched}") == expected


def test_a_code_is_found_in_its_implicit_system(fhir):
    stored = fhir.create(patient(gender="other"))
    system = quote("http://hl7.org/fhir/administrative-gender|other")
    assert fhir.ids(f"Patient?_id={stored['id']}&gender=other") == [stored["id"]]
    assert fhir.ids(f"Patient?_id={stored['id']}&gender={system}") == [stored["id"]]


@pytest.mark.parametrize(
    ("searched", "found"),
    [("Patient/{id}", True), ("{id}", True), ("{base}/Patient/{id}", True), ("Group/{id}", False),
     ("Patient/other", False)],
)  # fmt: skip
def test_reference_forms(fhir, searched, found):
    """https://hl7.org/fhir/R4/search.html#reference."""
    who = fhir.create(patient())
    seen = fhir.create(observation(subject={"reference": f"Patient/{who['id']}"}))
    value = quote(searched.format(id=who["id"], base=fhir.base), safe="")
    expected = [seen["id"]] if found else []
    assert fhir.ids(f"Observation?subject={value}&_id={seen['id']}") == expected


def test_a_parameter_for_one_target_type_does_not_find_another(fhir):
    id = fresh()
    seen = fhir.create(observation(subject={"reference": f"Group/{id}"}))
    assert fhir.ids(f"Observation?subject={id}") == [seen["id"]]
    assert fhir.ids(f"Observation?patient={id}") == []


@pytest.mark.parametrize(
    ("searched", "found"),
    [("欧阳", True), ("欧", True), ("阳", False), ("OUYANG", True), ("ouyang", True),
     ("乙丑", True), ("司马", False)],
)  # fmt: skip
def test_string_forms(fhir, searched, found):
    """https://hl7.org/fhir/R4/search.html#string: begins with, whatever the case."""
    name = [{"family": "欧阳", "given": ["乙丑"]}, {"family": "Ouyang"}]
    stored = fhir.create(patient(name=name))
    expected = [stored["id"]] if found else []
    assert fhir.ids(f"Patient?_id={stored['id']}&name={quote(searched)}") == expected


def test_accents_do_not_matter_to_a_string(fhir):
    stored = fhir.create(patient(name=[{"family": "Lü"}]))
    for searched in ("lu", "LÜ", "lü"):
        assert fhir.ids(f"Patient?_id={stored['id']}&family={quote(searched)}") == [stored["id"]]


@pytest.mark.parametrize("value", [".*", "^", "$where", "(", "a\\", "%00", '{"$gt":""}', "*"])
def test_what_is_searched_is_never_a_pattern(fhir, value):
    stored = fhir.create(patient())
    for name in ("name", "identifier", "gender", "general-practitioner"):
        answer = fhir.get(f"Patient?_id={stored['id']}&{name}={quote(value, safe='%')}")
        assert answer.status_code in (200, 400), answer.text
        if answer.status_code == 200:
            assert "entry" not in answer.json()


def test_parameters_are_all_to_hold(fhir, mark):
    stored = fhir.create(patient(identifier=[{"value": mark}], gender="male"))
    assert fhir.ids(f"Patient?identifier={mark}&gender=male") == [stored["id"]]
    assert fhir.ids(f"Patient?identifier={mark}&gender=female") == []


def test_an_update_moves_a_resource_in_the_index(fhir, mark):
    other = fresh()
    stored = fhir.create(patient(identifier=[{"value": mark}]))
    fhir.update({**stored, "identifier": [{"value": other}]})
    assert fhir.ids(f"Patient?identifier={mark}") == []
    assert fhir.ids(f"Patient?identifier={other}") == [stored["id"]]


def test_what_is_written_is_found_at_once(fhir):
    for _ in range(20):
        mark = fresh()
        stored = fhir.create(encounter(identifier=[{"value": mark}]))
        assert fhir.ids(f"Encounter?identifier={mark}") == [stored["id"]]


@pytest.mark.parametrize("query", ["colour=red", "name:nonsense=x", "_nonsense=1", "=", "Name=x"])
def test_an_unknown_parameter_is_refused_not_ignored(fhir, query):
    refused(fhir.get(f"Patient?{query}"), 400)


def test_a_lenient_caller_learns_what_was_ignored(fhir, mark):
    """https://hl7.org/fhir/R4/search.html#errors."""
    stored = fhir.create(patient(identifier=[{"value": mark}]))
    answer = fhir.get(f"Patient?identifier={mark}&colour=red", Prefer="handling=lenient")
    assert answer.status_code == 200
    bundle = answer.json()
    matches = [entry for entry in bundle["entry"] if entry["search"]["mode"] == "match"]
    assert [entry["resource"]["id"] for entry in matches] == [stored["id"]]
    assert "colour" not in link(bundle, "self")
    others = [entry for entry in bundle["entry"] if entry["search"]["mode"] != "match"]
    assert [entry["search"]["mode"] for entry in others] == ["outcome"]
    assert others[0]["resource"]["issue"][0]["severity"] == "warning"


@pytest.mark.parametrize(
    "query",
    [
        "identifier=",
        "identifier=|",
        "_lastUpdated=yesterday",
        "_lastUpdated=xx2020",
        "%zz=1",
        "name=%ff",
    ],
)
def test_a_value_that_makes_no_sense_is_refused(fhir, query):
    refused(fhir.get(f"Patient?{query}"), 400)


def test_a_comma_can_be_escaped(fhir):
    """https://hl7.org/fhir/R4/search.html#escaping."""
    mark = f"{fresh()},x"
    stored = fhir.create(patient(identifier=[{"value": mark}]))
    escaped = mark.replace(",", "\\,")
    assert fhir.ids(f"Patient?identifier={quote(escaped)}") == [stored["id"]]


def test_a_bar_can_be_escaped(fhir):
    mark = f"{fresh()}|x"
    stored = fhir.create(patient(identifier=[{"value": mark}]))
    escaped = mark.replace("|", "\\|")
    assert fhir.ids(f"Patient?identifier={quote(escaped)}") == [stored["id"]]
