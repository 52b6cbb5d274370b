"""Queries as a whole: https://hl7.org/fhir/R4/search.html."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir.outcome import BadRequest, TooCostly


@pytest.mark.parametrize(
    ("type", "name", "value", "message"),
    [
        ("Patient", "foo", "1", "search-parameter-unknown"),
        ("Patient", "Name", "1", "search-parameter-unknown"),
        ("Patient", "$where", "1", "search-parameter-unknown"),
        ("Patient", "", "1", "search-parameter-unknown"),
        ("Patient", "age", "1", "search-parameter-unknown"),
        ("Patient", "_query", "1", "search-parameter-unknown"),
        ("Patient", "_has:Observation:nothing:code", "1", "search-parameter-unknown"),
        ("Patient", "_has:Nothing:patient:code", "1", "search-type-unknown"),
        ("Patient", "_has:Encounter:service-provider:status", "1", "search-chain-type"),
        ("Patient", "name:below", "1", "search-modifier-unsupported"),
        ("Patient", "birthdate:exact", "1", "search-modifier-unsupported"),
        ("Patient", "_id:text", "1", "search-modifier-unsupported"),
        ("Patient", "_content:exact", "1", "search-modifier-unsupported"),
        ("Patient", "gender:missing", "maybe", "search-missing-invalid"),
        ("Observation", "code-value-quantity:missing", "true", "search-modifier-unsupported"),
        ("Observation", "subject:Practitioner", "1", "search-modifier-unsupported"),
        ("Observation", "code.name", "x", "search-chain-no-reference"),
        ("Observation", "subject:Practitioner.name", "x", "search-chain-type"),
        ("Observation", "subject.nothing", "x", "search-parameter-unknown"),
        ("Observation", "subject." * 13 + "name", "x", "search-chain-too-deep"),
        ("Patient", "_list", "$current-problems", "search-list-invalid"),
        ("Patient", "_list", "1,,2", "search-value-empty"),
        ("Patient", "_list", ",".join(map(str, range(1001))), "search-values-too-many"),
        ("Patient", "name", "", "search-value-empty"),
        ("Patient", "name", "a,,b", "search-value-empty"),
        ("Patient", "name", " ", "search-value-empty"),
        ("Patient", "name", "\ud800", "search-value-empty"),
        ("Patient", "name", "a" * 10_000, "search-value-too-long"),
        ("Patient", "phonetic", "·", "search-value-empty"),
        ("Patient", "identifier", "|", "search-token-invalid"),
        ("Patient", "identifier", "a|b|c", "search-token-invalid"),
        ("Patient", "birthdate", "2023-02-30", "search-date-invalid"),
        ("Patient", "birthdate", "xx2023", "search-date-invalid"),
        ("Patient", "birthdate", "gt", "search-date-invalid"),
        ("Patient", "_lastUpdated", "today", "search-date-invalid"),
        ("RiskAssessment", "probability", "high", "search-number-invalid"),
        ("Observation", "value-quantity", "5|kg", "search-quantity-invalid"),
        (
            "Observation",
            "value-quantity",
            "5|http://unitsofmeasure.org|",
            "search-quantity-invalid",
        ),
        ("Observation", "subject", "#1", "search-reference-invalid"),
        ("Observation", "code-value-quantity", "1", "search-composite-invalid"),
        ("Observation", "code-value-quantity", "1$2$3", "search-composite-invalid"),
        ("Patient", "_sort", "nickname", "search-sort-unsupported"),
        ("Patient", "_sort", "", "search-sort-unsupported"),
        ("Nothing", "_id", "1", "search-type-unknown"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(queries, type, name, value, message):
    with pytest.raises(BadRequest) as refused:
        queries.compile(type, [(name, value)])
    issue = refused.value.issues[0]
    assert issue.message == message
    assert all(len(str(text)) <= 40 for text in issue.arguments.values())
    assert issue.text("zh") != issue.text("en")


def test_a_chain_that_may_lead_anywhere_is_refused_before_it_is_followed(queries):
    assert queries.compile("Basic", [("subject.name", "x")]).used
    with pytest.raises(TooCostly) as refused:
        queries.compile("Basic", [("subject." * 8 + "name", "x")])
    assert "subject:Patient" in refused.value.issues[0].text("zh")


def test_a_lenient_query_tells_what_it_ignored(queries):
    pairs = [("foo", "1"), ("name:below", "a"), ("subject.name", "x"), ("gender", "male")]
    query = queries.compile("Patient", pairs, lenient=True)
    assert query.used == (("gender", "male"),)
    assert query.ignored == tuple(pairs[:3])
    with pytest.raises(BadRequest):
        queries.compile("Patient", [("birthdate", "2023-02-30")], lenient=True)


def test_repetition_means_and_comma_means_or(found):
    people = [
        {"resourceType": "Patient", "name": [{"given": given}]}
        for given in (["a"], ["b"], ["a", "b"])
    ]
    assert found(people, given="a,b") == ["0", "1", "2"]


def test_repeated_parameters_must_all_hold(store, queries):
    stored = [
        {"resourceType": "Patient", "id": str(n), "name": [{"given": given}]}
        for n, given in enumerate((["a"], ["b"], ["a", "b"]))
    ]
    query = queries.compile("Patient", [("given", "a"), ("given", "b")])
    assert [one["_id"] for one in store(*stored).find(query.condition)] == ["2"]


def test_ids(found):
    people = [{"resourceType": "Patient"}] * 3
    assert found(people, _id="1") == ["1"]
    assert found(people, _id="0,2") == ["0", "2"]
    assert found(people, _id="../1") == []


def test_no_parameters_find_everything(ready):
    query = ready("Patient", [])
    assert (query.condition, query.order.steps()[0].sort) == ({}, (("_id", 1),))


@pytest.mark.parametrize(
    ("type", "pairs", "sort"),
    [
        ("Observation", [("patient", "Patient/1")], (("ds", -1), ("_id", 1))),
        ("Observation", [("code", "1")], (("ds", -1), ("_id", 1))),
        ("Observation", [("date", "2024")], (("ds", -1), ("_id", 1))),
        ("Observation", [("status", "final")], (("_id", 1),)),
        ("Organization", [("name", "a")], (("_id", 1),)),
        ("Observation", [("_sort", "date")], (("ds", 1), ("_id", -1))),
        ("Observation", [("_sort", "-date")], (("ds", -1), ("_id", 1))),
        ("Patient", [("_sort", "_lastUpdated")], (("lu", 1), ("_id", 1))),
        ("Patient", [("_sort", "-_lastUpdated")], (("lu", -1), ("_id", -1))),
        ("Patient", [("_sort", "-_id")], (("_id", -1),)),
        ("Patient", [("_sort", "-birthdate,_lastUpdated")], (("ds", -1), ("lu", 1), ("_id", 1))),
        ("Patient", [("_sort", "_id,_lastUpdated")], (("_id", 1),)),
        ("Patient", [("_sort", "_lastUpdated,-_lastUpdated")], (("lu", 1), ("_id", 1))),
    ],
)
def test_every_order_is_total_and_goes_the_way_of_an_index(ready, type, pairs, sort):
    assert ready(type, pairs).order.steps()[0].sort == sort


def test_a_thousand_alternatives_are_taken_and_no_more(queries):
    query = queries.compile("Patient", [("identifier", ",".join(map(str, range(1000))))])
    assert len(query.condition["t"]["$in"]) == 1000
    with pytest.raises(BadRequest):
        queries.compile("Patient", [("identifier", ",".join(map(str, range(1001))))])


@given(
    st.text(max_size=30),
    st.sampled_from(
        ["name", "identifier", "birthdate", "phonetic", "organization", "_id", "_profile"]
    ),
)
def test_any_value_is_compiled_or_refused(queries, value, name):
    try:
        query = queries.compile("Patient", [(name, value)])
    except BadRequest:
        return
    assert operators(query.condition) <= {
        "$in",
        "$or",
        "$and",
        "$elemMatch",
        "$gte",
        "$gt",
        "$lt",
        "$lte",
    }


def operators(condition):
    if isinstance(condition, dict):
        inner = [operators(value) for value in condition.values()]
        return {key for key in condition if key.startswith("$")}.union(*inner)
    return set().union(*map(operators, condition)) if isinstance(condition, list) else set()


def test_the_common_queries_are_answered_from_an_index(store, ready):
    collection = store(
        *(
            {
                "resourceType": "Observation",
                "id": str(n),
                "subject": {"reference": f"Patient/{n % 10}"},
                "code": {"coding": [{"system": "http://loinc.org", "code": str(n % 7)}]},
                "effectiveDateTime": f"20{10 + n % 12}-05-01T10:00:00Z",
            }
            for n in range(400)
        )
    )
    for pairs, used in (
        ([("patient", "1"), ("code", "http://loinc.org|1")], {"pt_c_ds_id", "t_id"}),
        ([("patient", "Patient/1"), ("code", "1")], {"pt_c_ds_id"}),
        ([("patient", "Patient/1")], {"pt_ds_id"}),
        ([("code", "1")], {"c_ds_id"}),
        ([("date", "2015-05-01")], {"ds_id"}),
        ([("date", "ge2015")], {"ds_id", "dl_ds_id"}),
        ([("code", "1"), ("date", "ge2015")], {"c_ds_id", "ds_id", "dl_ds_id"}),
        ([("patient", "Patient/1"), ("code", "1"), ("date", "ge2015")], {"pt_c_ds_id"}),
        ([("_sort", "date")], {"ds_id"}),
        ([("subject", "Group/1")], {"t_id"}),
        ([("_sort", "-_lastUpdated")], {"lu_id"}),
    ):
        query = ready("Observation", pairs)
        (step, *_) = query.order.steps()
        where = {"$and": [query.condition, step.condition]}
        plan = collection.find(where).sort(list(step.sort)).explain()
        stages = stages_of(plan["queryPlanner"]["winningPlan"])
        names = {stage["stage"] for stage in stages}
        assert "COLLSCAN" not in names, pairs
        assert "SORT" not in names or pairs[0] == ("patient", "1"), pairs
        assert {stage["indexName"] for stage in stages if "indexName" in stage} <= used, pairs


def stages_of(plan):
    plan = plan.get("queryPlan", plan)
    inner = [*plan.get("inputStages", ()), *([plan["inputStage"]] if "inputStage" in plan else ())]
    return [plan, *(stage for one in inner for stage in stages_of(one))]


def test_a_type_has_only_the_indexes_it_can_use(index_table):
    names = {
        type: {one.name for one in index_table.indexes(type)}
        for type in ("Location", "Binary", "Observation")
    }
    assert "geo" in names["Location"]
    assert "pt_c_ds_id" in names["Observation"]
    assert names["Binary"] == {"t_id", "s_id", "lu_id", "comp_id"}
    others = {"ds_id", "dl_ds_id", "dp_ds_de", "qp_qu_qlo_qhi", "np_nlo_nhi", "kp_kt"}
    assert others.isdisjoint(names["Binary"] | names["Location"])


def test_a_position_is_indexed_if_the_globe_has_it(index):
    def geo(longitude, latitude):
        position = {"longitude": longitude, "latitude": latitude}
        return index.entries({"resourceType": "Location", "position": position}).get("geo")

    assert geo(119.3, 26) == [119.3, 26.0]
    assert geo(200, 26) is None
