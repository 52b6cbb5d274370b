"""Numbers, quantities and composites: https://hl7.org/fhir/R4/search.html#number."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server import content
from server.search import number, units
from tests.unit.search.asking import Kept

UCUM = "http://unitsofmeasure.org"


def risk(value):
    kind = "probabilityRange" if isinstance(value, dict) else "probabilityDecimal"
    return {"resourceType": "RiskAssessment", "prediction": [{kind: value}]}


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("100", 99.5, 100.5),
        ("100.00", 99.995, 100.005),
        ("1e2", 95, 105),
        ("0.1", 0.05, 0.15),
        ("-5", -5.5, -4.5),
        ("1.0e2", 95, 105),
    ],
)
def test_a_searched_number_stands_for_what_rounds_to_it(text, low, high):
    searched = number.parse(text)
    assert (searched.low, searched.high) == (low, high)


@pytest.mark.parametrize(
    "text", ["", "a", "1a", "0x10", "1e", "1e999", "nan", "inf", "1,0", "１", "9" * 60, "eqeq1"]
)
def test_what_is_no_number_is_refused(text):
    with pytest.raises(ValueError, match="number"):
        number.parse(text)


@pytest.mark.parametrize(
    ("probability", "ids"),
    [
        ("0.5", "01"), ("0.50", "0"), ("eq0.5", "01"), ("ne0.5", "234"), ("gt0.5", "134"),
        ("lt0.5", "23"), ("ge0.5", "0134"), ("le0.5", "023"), ("sa0.5", "14"), ("eb0.5", "2"),
        ("ap0.5", "013"),
    ],
)  # fmt: skip
def test_number_prefixes(found, probability, ids):
    stored = [
        risk(value)
        for value in (
            0.50,
            0.54,
            0.2,
            {"low": {"value": 0.3}, "high": {"value": 0.7}},
            {"low": {"value": 0.6}},
        )
    ]
    assert "".join(found(stored, probability=probability)) == ids


@pytest.mark.parametrize(
    ("probability", "positions"),
    [("ap0", [0, 1, 2]), ("ap0.0", [0]), ("ap0.4", [1, 2]), ("ap0.45", [2]), ("ap1.0", [3])],
)
def test_what_rounds_to_a_number_is_about_it(database, index, probability, positions):
    kept = Kept(database, index, [risk(value) for value in (0, 0.35, 0.44, 1.1)])
    assert kept.found("probability", probability) == positions


@pytest.mark.parametrize("quantity", [f"ap37|{UCUM}|Cel", f"ap98.6|{UCUM}|[degF]"])
def test_a_tenth_of_a_quantity_is_one_in_the_unit_that_was_asked(database, index, quantity):
    kept = Kept(database, index, [measured(value, "Cel") for value in (20, 37, 39, 50)])
    assert kept.found("value-quantity", quantity) == [1, 2]


def relation(prefix, low, high, wanted, half):
    """The table of https://hl7.org/fhir/R4/search.html#prefix, where eq, ne and ap round."""
    contained = wanted - half <= low and high < wanted + half
    slack = max(abs(wanted) / 10, half)
    return {
        "": contained,
        "eq": contained,
        "ne": not contained,
        "gt": high > wanted,
        "lt": low < wanted,
        "ge": high >= wanted,
        "le": low <= wanted,
        "sa": low > wanted,
        "eb": high < wanted,
        "ap": low <= wanted + slack and high >= wanted - slack,
    }[prefix]


_TENTHS = st.integers(-30, 30).map(lambda n: Decimal(n) / 10)
_ENDS = st.tuples(st.none() | _TENTHS, st.none() | _TENTHS).filter(any)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(_TENTHS, _ENDS), min_size=1, max_size=6),
    st.tuples(
        st.sampled_from(["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]),
        _TENTHS,
        st.integers(0, 2),
    ),
)
def test_prefixes_are_relations_between_ranges(database, index, values, searched):
    prefix, number, places = searched
    wanted = round(number, places)
    resources, ranges = [], []
    for value in values:
        if isinstance(value, Decimal):
            resources.append(risk(float(value)))
            ranges.append((value, value))
        else:
            ends = list(value)
            if None not in ends:
                ends.sort()
            named = zip(("low", "high"), ends, strict=True)
            resources.append(
                risk({name: {"value": float(end)} for name, end in named if end is not None})
            )
            low, high = ends
            ranges.append((Decimal("-Infinity") if low is None else low,
                           Decimal("Infinity") if high is None else high))  # fmt: skip
    half = Decimal(5).scaleb(-places - 1)
    expected = [
        position
        for position, (low, high) in enumerate(ranges)
        if relation(prefix, low, high, wanted, half)
    ]
    kept = Kept(database, index, resources)
    assert kept.found("probability", f"{prefix}{wanted:.{places}f}") == expected


def measured(value, unit=None, **more):
    coded = {} if unit is None else {"system": UCUM, "code": unit, "unit": unit}
    return {"resourceType": "Observation", "valueQuantity": {"value": value, **coded, **more}}


@pytest.mark.parametrize(
    ("quantity", "ids"),
    [
        ("5.4", "04"),
        (f"5.4|{UCUM}|mmol/L", "0"),
        (f"5400|{UCUM}|umol/L", "0"),
        (f"97|{UCUM}|mg/dL", "1"),
        (f"0.97|{UCUM}|g/L", "1"),
        ("5.4||mmol/L", "0"),
        ("97||mg/dL", "1"),
        ("5.4||kg", ""),
        (f"gt5.4|{UCUM}|mmol/L", "25"),
        (f"lt1|{UCUM}|mmol/L", ""),
        (f"37.0|{UCUM}|Cel", "3"),
        (f"98.6|{UCUM}|[degF]", "3"),
        ("7|http://example.org|drops", "6"),
        ("7|http://example.org|Drops", ""),
        (f"7|{UCUM}|drops", ""),
    ],
)
def test_quantities_are_compared_in_one_unit(found, quantity, ids):
    stored = [
        measured(5.4, "mmol/L"),
        measured(97, "mg/dL"),
        measured(6, "mmol/L"),
        measured(37.0, "Cel"),
        measured(5.4),
        measured(20, "mmol/L", comparator=">"),
        measured(7, system="http://example.org", code="drops"),
    ]
    assert "".join(sorted(found(stored, **{"value-quantity": quantity}))) == ids


@pytest.mark.parametrize(
    ("comparator", "quantity", "matches"),
    [("<", "lt5", True), ("<", "ge5", False), ("<=", "ge5", True), (">", "gt5", True),
     (">", "le5", False), (">=", "le5", True), ("<", "5", False), (">", "sa4", True),
     (">", "sa5", True), ("<", "eb5", True)],
)  # fmt: skip
def test_a_comparator_makes_a_half_open_range(found, comparator, quantity, matches):
    stored = [measured(5, comparator=comparator)]
    assert found(stored, **{"value-quantity": quantity}) == (["0"] if matches else [])
    stored = [measured(5, "kg", comparator=comparator)]
    in_grams = f"{quantity.replace('5', '5000').replace('4', '4000')}|{UCUM}|g"
    assert found(stored, **{"value-quantity": in_grams}) == (["0"] if matches else [])


def test_money_ranges_and_samples_are_quantities(found, index):
    invoice = {"resourceType": "Invoice", "totalNet": {"value": 99.5, "currency": "CNY"}}
    assert found([invoice], totalnet="99.5|urn:iso:std:iso:4217|CNY") == ["0"]
    assert found([invoice], totalnet="99.5||CNY") == ["0"]
    condition = {"resourceType": "Condition", "onsetRange": {"low": {"value": 3, "unit": "a"}}}
    assert found([condition], **{"onset-age": "gt3||a"}) == ["0"]
    samples = {"origin": {"value": 2, "unit": "mV"}, "factor": 0.5, "data": "E 4 -4 U L"}
    entry = index.entries({"resourceType": "Observation", "valueSampledData": samples})["q"][0]
    assert (entry["lo"], entry["hi"]) == (0.0, 4.0)


@pytest.mark.parametrize(
    ("data", "ends"),
    [
        ("E 4 -4 U L", (-2.0, 2.0)),
        ("abc 1", (0.5, 0.5)),
        ("nan inf -inf Infinity 1e999 1_0 0x1 +1 .5 ١ 3", (1.5, 1.5)),
        ("1e308 1", (0.5, 5e307)),
        ("abc", None),
        ("1e999", None),
        ("", None),
    ],
)
def test_only_decimals_are_samples(index, data, ends):
    """https://hl7.org/fhir/R4/datatypes.html#SampledData."""
    samples = {"origin": {"value": 0}, "factor": 0.5, "data": data}
    rows = index.entries({"resourceType": "Observation", "valueSampledData": samples}).get("q")
    assert (rows and (rows[0]["lo"], rows[0]["hi"])) == ends


def test_samples_that_overflow_are_not_indexed(index):
    samples = {"origin": {"value": -1e308}, "factor": 1e308, "data": "1e308 -1e308 0"}
    (row,) = index.entries({"resourceType": "Observation", "valueSampledData": samples})["q"]
    assert (row["lo"], row["hi"]) == (-1e308, -1e308)


@pytest.mark.parametrize("value", [1e308, -1e308, 5e-324, 2**64, 0])
def test_the_largest_and_smallest_numbers_are_found(found, value):
    stored = [measured(value, "kg")]
    sign = "lt1" if value < 1 else "gt1"
    assert found(stored, **{"value-quantity": f"{sign}|{UCUM}|kg"}) == ["0"]
    assert found(stored, **{"value-quantity": f"{sign}|{UCUM}|mg"}) == ["0"]


def test_units_of_many_braces_take_bounded_time():
    known = units.load(content.TERMINOLOGY / "ucum.json")
    for piece in ("{", "/{", "{a", "/{a}{"):
        assert known.conversion(piece * 50_000) is None


def test_units_convert_only_within_what_ucum_allows():
    known = units.load(content.TERMINOLOGY / "ucum.json")
    canonical = {
        code: known.conversion(code).canonical for code in ("mmol/L", "mg/dL", "[IU]/L", "/L")
    }
    assert len(set(canonical.values())) == 4
    assert known.conversion("dB") is None
    assert known.conversion("[pH]") is None
    assert known.conversion("{cells}/uL") == known.conversion("/uL")
    assert known.conversion("10*9/L")(5.0) == known.conversion("10*3/uL")(5.0)
    assert known.conversion("{score}").canonical == "1"
    assert known.conversion("{score") is None


def pressure(systolic, diastolic):
    return {
        "resourceType": "Observation",
        "code": {"coding": [{"code": "85354-9"}]},
        "component": [
            {"code": {"coding": [{"code": code}]}, "valueQuantity": {"value": value}}
            for code, value in (("8480-6", systolic), ("8462-4", diastolic))
        ],
    }


def test_the_parts_of_a_composite_are_in_one_element(found):
    stored = [pressure(150, 90), pressure(90, 150)]
    assert found(stored, **{"component-code-value-quantity": "8480-6$gt140"}) == ["0"]
    assert found(stored, **{"combo-code-value-quantity": "8462-4$gt140"}) == ["1"]
    either = {"component-code-value-quantity": "8480-6$gt140,8462-4$gt140"}
    assert found(stored, **either) == ["0", "1"]


def test_a_composite_of_the_resource_itself_needs_no_entry(found, index):
    stored = {**measured(5), "code": {"coding": [{"code": "1"}]}}
    assert "k" not in index.entries(stored)
    assert found([stored], **{"code-value-quantity": "1$5"}) == ["0"]
    assert found([stored], **{"combo-code-value-quantity": "1$5"}) == ["0"]
    assert found([stored], **{"code-value-quantity": "2$5"}) == []


@pytest.mark.parametrize(
    "text",
    [
        "66.899999999999991",
        "1000000000000000000",
        "1.000000000000000000E-245",
        "0.1234567890123456",
    ],
)
def test_a_number_with_more_digits_than_are_kept_is_found_by_itself(found, text):
    stored = [
        {"resourceType": "RiskAssessment", "prediction": [{"probabilityDecimal": float(text)}]}
    ]
    assert found(stored, probability=text) == ["0"]
    assert found(stored, probability=f"ne{text}") == []
