"""The order of results: https://hl7.org/fhir/R4/search.html#sort."""

import pytest

from server.fhir.outcome import BadRequest
from server.search import sortkeys
from server.search.indexes import indexes
from tests.unit.search.conftest import BASE


def observation(number, **more):
    date = {} if number is None else {"effectiveDateTime": f"2024-01-{number:02}"}
    return {"resourceType": "Observation", "status": "final", **date, **more}


def patient(*names, **more):
    return {"resourceType": "Patient", "name": [{"family": one} for one in names], **more}


def quantity(value, unit):
    system = "http://unitsofmeasure.org"
    return {"value": value, "unit": unit, "system": system, "code": unit}


DAYS = [observation(number) for number in (3, None, 1, 2, None, 2)]


@pytest.mark.parametrize(
    ("sort", "ids"),
    [
        ("date", ["2", "5", "3", "0", "4", "1"]),
        ("-date", ["0", "3", "5", "2", "1", "4"]),
        ("_id", ["0", "1", "2", "3", "4", "5"]),
        ("-_id", ["5", "4", "3", "2", "1", "0"]),
        ("-_lastUpdated", ["5", "4", "3", "2", "1", "0"]),
    ],
)
def test_what_has_no_date_comes_last_either_way(found, sort, ids):
    assert found(DAYS, _sort=sort) == ids


def test_without_a_sort_the_newest_come_first_where_a_date_index_serves(found):
    stored = [{**one, "code": {"coding": [{"code": "a"}]}} for one in DAYS]
    assert found(stored, code="a") == ["0", "3", "5", "2", "1", "4"]
    assert found(stored, status="final") == ["0", "1", "2", "3", "4", "5"]


def test_a_parameter_that_is_the_main_date_by_another_name_sorts_the_same(ready):
    first = ready("Condition", [("_sort", "-onset-date")]).order
    assert [step.sort for step in first.steps()] == [(("ds", -1), ("_id", 1))]
    assert first.needs == ()
    assert len(ready("Condition", [("_sort", "onset-date")]).order.steps()) == 2


@pytest.mark.parametrize(
    ("sort", "ids"),
    [
        ("family", ["2", "0", "1", "3"]),
        ("-family", ["0", "1", "2", "3"]),
    ],
)
def test_of_several_values_the_one_that_comes_first_in_the_order_counts(found, sort, ids):
    people = [patient("Chen", "Zhang"), patient("Li", "Wang"), patient("An"), patient()]
    assert found(people, _sort=sort) == ids


def test_strings_are_sorted_as_they_are_folded(found):
    people = [patient("Ｂ"), patient("a"), patient("C"), patient("陳"), patient("Á")]
    assert found(people, _sort="family") == ["1", "4", "0", "2", "3"]


def test_tokens_are_sorted_by_code_whatever_their_system(found):
    def coded(*pairs):
        coding = [{"system": system, "code": code} for system, code in pairs]
        return observation(None, code={"coding": coding})

    stored = [coded(("z", "1|1")), coded(("a", "2")), coded(("", "0")), observation(None)]
    assert found(stored, _sort="code") == ["2", "0", "1", "3"]
    assert found(stored, _sort="-code") == ["1", "0", "2", "3"]


def test_references_are_sorted_by_type_and_id_wherever_their_url_says_they_are(found):
    stored = [
        observation(None, subject={"reference": one})
        for one in ("Patient/b", f"{BASE}/Patient/a", "Group/c", "Patient/c/_history/2")
    ]
    stored += [observation(None, subject={"display": "nobody"})]
    assert found(stored, _sort="subject") == ["2", "1", "0", "3", "4"]
    assert found(stored, _sort="-subject") == ["3", "0", "1", "2", "4"]
    assert found(stored, _sort="patient") == ["1", "0", "3", "2", "4"]
    assert found(stored, _sort="-patient") == ["3", "0", "1", "4", "2"]


def test_a_parameter_that_narrows_another_sorts_by_what_it_keeps(found):
    def with_actors(*references):
        participants = [{"actor": {"reference": one}} for one in references]
        return {"resourceType": "Appointment", "status": "booked", "participant": participants}

    stored = [
        with_actors("Location/a", "Patient/b"),
        with_actors("Patient/a", "Practitioner/z"),
        with_actors("Practitioner/a"),
    ]
    assert found(stored, _sort="patient") == ["1", "0", "2"]
    assert found(stored, _sort="-practitioner") == ["1", "2", "0"]
    assert found(stored, _sort="actor") == ["0", "1", "2"]


def test_quantities_are_sorted_by_what_they_are_in_the_canonical_unit(found):
    amounts = [quantity(2, "g"), quantity(1, "kg"), quantity(500, "mg"), quantity(1.5, "g")]
    stored = [observation(None, valueQuantity=one) for one in amounts] + [observation(None)]
    assert found(stored, _sort="value-quantity") == ["2", "3", "0", "1", "4"]
    assert found(stored, _sort="-value-quantity") == ["1", "0", "3", "2", "4"]


def test_a_quantity_with_one_end_is_sorted_by_that(found):
    amounts = [quantity(2, "g"), {**quantity(1, "g"), "comparator": "<"}, quantity(0.5, "g")]
    amounts += [{**quantity(1, "g"), "comparator": ">"}]
    stored = [observation(None, valueQuantity=one) for one in amounts]
    assert found(stored, _sort="value-quantity") == ["2", "1", "3", "0"]
    assert found(stored, _sort="-value-quantity") == ["0", "3", "1", "2"]


def test_numbers_are_sorted_as_numbers(found):
    def risk(probability):
        prediction = [] if probability is None else [{"probabilityDecimal": probability}]
        return {"resourceType": "RiskAssessment", "status": "final", "prediction": prediction}

    stored = [risk(one) for one in (0.9, 0.10, None, 0.09)]
    assert found(stored, _sort="probability") == ["3", "1", "0", "2"]
    assert found(stored, _sort="-probability") == ["0", "1", "3", "2"]


def test_uris_are_sorted_character_by_character(found):
    stored = [{"resourceType": "ValueSet", "status": "draft", "url": url} for url in "bCa"]
    assert found(stored, _sort="url") == ["1", "2", "0"]


def test_a_parameter_made_of_others_sorts_by_all_their_values(found):
    def coded(code, *components):
        parts = [{"code": {"coding": [{"code": one}]}} for one in components]
        more = {"code": {"coding": [{"code": code}]}} if code else {}
        return observation(None, component=parts, **more)

    stored = [coded("b", "d"), coded("c", "a"), coded(None), coded(None, "z")]
    assert found(stored, _sort="combo-code") == ["1", "0", "3", "2"]
    assert found(stored, _sort="-combo-code") == ["3", "0", "1", "2"]


@pytest.mark.parametrize(
    ("sort", "ids"),
    [
        ("status,date", ["3", "1", "2", "0", "4"]),
        ("status,-date", ["1", "3", "2", "0", "4"]),
        ("-status,date", ["0", "4", "3", "1", "2"]),
        ("-status,-date", ["0", "4", "1", "3", "2"]),
        ("date,status", ["3", "1", "0", "2", "4"]),
        ("status,_id,date", ["1", "2", "3", "0", "4"]),
        ("status,-_id", ["3", "2", "1", "4", "0"]),
        ("status,-status,date", ["3", "1", "2", "0", "4"]),
    ],
)
def test_the_second_key_orders_what_is_equal_in_the_first(found, sort, ids):
    stored = [
        observation(2, status="final"),
        observation(2, status="amended"),
        observation(None, status="amended"),
        observation(1, status="amended"),
        observation(None, status="final"),
    ]
    assert found(stored, _sort=sort) == ids


@pytest.mark.parametrize("key", ["-", "--date", "date,", "date:asc", "_score", "x" * 99])
def test_what_cannot_be_sorted_by_is_refused(queries, key):
    with pytest.raises(BadRequest) as refused:
        queries.compile("Observation", [("_sort", key)])
    assert refused.value.issues[0].message == "search-sort-unsupported"


def test_a_composite_is_refused_by_name(queries):
    with pytest.raises(BadRequest) as refused:
        queries.compile("Observation", [("_sort", "date,-code-value-quantity")])
    (issue,) = refused.value.issues
    assert issue.message == "search-sort-composite"
    assert issue.arguments["key"] == "code-value-quantity"


def test_more_than_eight_keys_are_refused(queries):
    with pytest.raises(BadRequest) as refused:
        queries.compile("Observation", [("_sort", "status,date,code,subject,_id,_tag,a,b,c")])
    assert refused.value.issues[0].message == "search-sort-keys-too-many"


def test_no_order_asks_for_an_index_that_is_there_under_another_name(facts, index, ready):
    """MongoDB refuses two indexes with the same keys."""
    asked = 0
    for type in facts.search_parameters:
        plan = index.plans[type]
        there = {spec.keys: spec.name for spec in indexes(plan)}
        dates = [f",{sign}{plan.main['ds']}" for sign in ("", "-") if "ds" in plan.main]
        sortable = [code for code in plan.parameters if sortkeys.least(plan, code)]
        for code in sortable:
            for sort in (f"{sign}{code}{rest}" for sign in ("", "-") for rest in ("", *dates)):
                needs = ready(type, [("_sort", sort)]).order.needs
                asked += len(needs)
                assert [there.get(spec.keys, spec.name) for spec in needs] == [
                    spec.name for spec in needs
                ], f"{type}?_sort={sort}"
    assert asked > 1000
