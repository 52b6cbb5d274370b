"""Composites: https://hl7.org/fhir/R4/search.html#composite."""

import pytest

from server.fhir.outcome import BadRequest
from server.search.units import UCUM


def reading(code, value, unit="mm[Hg]"):
    quantity = {"value": value, "unit": unit, "system": UCUM, "code": unit}
    coding = [{"system": "http://loinc.org", "code": code}]
    return {"code": {"coding": coding}, "valueQuantity": quantity}


def observation(*components, **own):
    found = {"resourceType": "Observation", "status": "final", **own}
    return {**found, "component": list(components)} if components else found


STORED = [
    observation(reading("8480-6", 150), reading("8462-4", 90)),
    observation(reading("8480-6", 90), reading("8462-4", 150)),
    observation(**reading("8480-6", 150)),
    observation(reading("8480-6", 20, "kPa")),
    observation({"code": {"coding": [{"code": "8480-6"}]}}),
]


@pytest.mark.parametrize(
    ("parameter", "value", "ids"),
    [
        ("component-code-value-quantity", "8480-6$gt140", "0"),
        ("component-code-value-quantity", f"8480-6$gt140|{UCUM}|mm[Hg]", "03"),
        ("component-code-value-quantity", "http://loinc.org|8462-4$lt100", "0"),
        ("component-code-value-quantity", "8480-6$150,8462-4$150", "01"),
        ("code-value-quantity", "8480-6$150", "2"),
        ("combo-code-value-quantity", "8480-6$150", "02"),
        ("combo-code-value-quantity", "8462-4$20", ""),
        ("combo-code-value-quantity", "8480$150", ""),
    ],
)
def test_its_parts_hold_of_one_element(found, parameter, value, ids):
    # 20 kPa are 150 mm[Hg], but only to a search that names the unit.
    assert "".join(found(STORED, **{parameter: value})) == ids


def test_an_element_without_all_parts_has_no_entry(index):
    assert "k" not in index.entries(STORED[4])
    rows = index.entries(STORED[0])["k"]
    assert {row["p"] for row in rows} == {
        "component-code-value-quantity",
        "combo-code-value-quantity",
    }
    assert len(rows) == 4


@pytest.mark.parametrize("value", ["8480-6", "8480-6$", "$150", "8480-6$150$1", r"8480-6\$150"])
def test_a_value_of_other_than_its_parts_is_refused(queries, value):
    with pytest.raises(BadRequest) as refused:
        queries.compile("Observation", [("component-code-value-quantity", value)])
    assert refused.value.issues[0].message == "search-composite-invalid"


def test_a_part_is_refused_as_its_own_parameter_would(queries):
    with pytest.raises(BadRequest) as refused:
        queries.compile("Observation", [("component-code-value-quantity", "8480-6$high")])
    assert refused.value.issues[0].message == "search-quantity-invalid"
