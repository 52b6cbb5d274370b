"""What comparisons of _filter find: https://hl7.org/fhir/R4/search_filter.html#ops."""

import pytest

from server.fhir.outcome import BadRequest
from server.search import filter as filters
from tests.unit.search.filter.conftest import LOINC, concept


def people(*names):
    return [{"resourceType": "Patient", "name": [{"family": name}]} for name in names]


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        ("family eq peter", [0]),
        ("family eq Péter", [0]),
        ("family eq pet", []),
        ("family ne peter", [1, 2, 3, 4]),
        ("family co ete", [0, 1]),
        ("family sw pet", [0, 1]),
        ("family ew ter", [0, 2]),
        ("family ew peters", [1]),
        ("family ew s", [1]),
        ("family ew .*", []),
        ("family gt peter", [1, 2, 3]),
        ("family ge peter", [0, 1, 2, 3]),
        ("family lt peter", [4]),
        ("family le peter", [0, 4]),
        ("family gt 欧", [3]),
        ('family eq "de la Mer"', [4]),
        ('family co " la "', [4]),
        ("family pr true", [0, 1, 2, 3, 4]),
        ("family pr false", [5]),
        ("not (family sw p)", [2, 3, 4, 5]),
        ("family sw p and not (family eq peter)", [1]),
        ("family eq peter or family eq 欧阳 and family co e", [0]),
        ("family eq peter or (family eq 欧阳 and family co e)", [0]),
        ("family eq 歐陽", [3]),
        ("_id eq 1 or _id eq 2", [1, 2]),
        ("_id ne 1", [0, 2, 3, 4, 5]),
    ],
)
def test_strings(filtered, text, positions):
    stored = [
        *people("Peter", "Peters", "Walter", "欧阳", "de la Mer"),
        {"resourceType": "Patient", "gender": "male"},
    ]
    assert filtered(stored, text) == positions


def test_commas_bars_and_quotes_of_a_value_are_its_own(filtered):
    stored = people("a,b", "a", 'say "b"', "a|b", "a\\b")
    assert filtered(stored, 'family eq "a,b"') == [0]
    assert filtered(stored, r'family ew "\"b\""') == [2]
    assert filtered(stored, "family eq a|b") == [3]
    assert filtered(stored, r'family eq "a\\b"') == [4]


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        ("code eq http://loinc.org|1-8", [0]),
        ("code eq loinc|1-8", [0]),
        ("code eq 1-8", [0, 1]),
        ("code eq |1-8", []),
        ("code ne 1-8", [2]),
        ("code ne loinc|1-8", [1, 2]),
        ("not (code eq 1-8)", [2, 3]),
        ("code pr true", [0, 1, 2]),
        ("status eq final", [0, 1]),
        ("status in http://hl7.org/fhir/ValueSet/observation-status", [0, 1, 2, 3]),
        ("status ni http://hl7.org/fhir/ValueSet/observation-status", []),
        ("not (status in http://hl7.org/fhir/ValueSet/observation-status)", []),
    ],
)
def test_tokens(filtered, text, positions):
    stored = [
        {"resourceType": "Observation", "status": status, **({"code": code} if code else {})}
        for status, code in (
            ("final", concept(LOINC, "1-8")),
            ("final", concept("http://other", "1-8")),
            ("amended", concept(LOINC, "2-6")),
            ("amended", None),
        )
    ]
    assert filtered(stored, text) == positions


PERIODS = [
    {"start": "2024-01-01", "end": "2024-01-31"},
    {"start": "2024-01-20", "end": "2024-02-10"},
    {"start": "2024-03-01"},
    {"start": "2010-01-01", "end": "2030-01-01"},
]


@pytest.mark.parametrize(
    ("operator", "value", "positions"),
    [
        ("eq", "2024-01", [0]),
        ("ne", "2024-01", [1, 2, 3]),
        ("gt", "2024-02-10", [2, 3]),
        ("ge", "2024-03-01", [2, 3]),
        ("lt", "2024-01-01", [3]),
        ("le", "2024-01-31", [0, 1, 3]),
        ("sa", "2024-02", [2]),
        ("eb", "2024-02-01", [0]),
        ("po", "2024-01-25", [0, 1, 3]),
        ("po", "2024-02", [1, 3]),
        ("po", "2024", [0, 1, 2, 3]),
        ("po", "2009", []),
        ("co", "2024-01-25", [0, 1, 3]),
        ("co", "2024-02", [3]),
        ("co", "2031", [2]),
        ("ap", "2024-06-01", [2, 3]),
        ("pr", "true", [0, 1, 2, 3]),
        ("pr", "false", []),
    ],
)
@pytest.mark.parametrize("type", ["Encounter", "EpisodeOfCare", "CareTeam", "Account"])
def test_dates(filtered, type, operator, value, positions):
    element = "servicePeriod" if type == "Account" else "period"
    code = "period" if type == "Account" else "date"
    stored = [{"resourceType": type, element: period} for period in PERIODS]
    assert filtered(stored, f"{code} {operator} {value}") == positions


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        ("value-quantity gt 5", [0]),
        ("value-quantity eq 5.4|http://unitsofmeasure.org|mg", [0]),
        ("value-quantity eq 5.4|ucum|mg", [0]),
        ("value-quantity lt 0.001|ucum|g", [1]),
        ("value-quantity ne 5.4|ucum|mg", [1]),
        ("value-quantity ap 5|ucum|mg", [0]),
        ("value-quantity pr false", [2]),
    ],
)
def test_quantities(filtered, text, positions):
    unit = {"system": "http://unitsofmeasure.org", "code": "mg"}
    stored = [
        {"resourceType": "Observation", "valueQuantity": {"value": 5.4, **unit}},
        {"resourceType": "Observation", "valueQuantity": {"value": 0.5, **unit}},
        {"resourceType": "Observation"},
    ]
    assert filtered(stored, text) == positions


def test_numbers(filtered):
    stored = [
        {"resourceType": "RiskAssessment", "prediction": [{"probabilityDecimal": number}]}
        for number in (0.2, 0.5)
    ]
    assert filtered(stored, "probability ge 0.5") == [1]
    assert filtered(stored, "probability lt 0.5") == [0]
    assert filtered(stored, "probability ne 0.5") == [0]


@pytest.mark.parametrize(
    ("type", "text", "message"),
    [
        ("Patient", "name po 2020", "search-filter-operator-unsupported"),
        ("Patient", "gender co ma", "search-filter-operator-unsupported"),
        ("Patient", "birthdate sw 2020", "search-filter-operator-unsupported"),
        ("Patient", "birthdate in 2020", "search-filter-operator-unsupported"),
        ("Patient", "organization ss 1", "search-filter-operator-unsupported"),
        ("Patient", "phonetic ew zhang", "search-filter-operator-unsupported"),
        ("Patient", "_lastUpdated co 2020", "search-filter-operator-unsupported"),
        ("Observation", "value-quantity co 1", "search-filter-operator-unsupported"),
        ("Observation", "code-value-quantity gt 1$2", "search-filter-operator-unsupported"),
        ("RiskAssessment", "probability po 1", "search-filter-operator-unsupported"),
        ("ValueSet", "url gt a", "search-filter-operator-unsupported"),
        ("Patient", "nothing eq 1", "search-parameter-unknown"),
        ("Patient", "birthdate eq 2020-02-30", "search-date-invalid"),
        ("Patient", "birthdate eq gt2020", "search-date-invalid"),
        ("Patient", "birthdate po gt2020", "search-date-invalid"),
        ("Patient", "birthdate po soon", "search-date-invalid"),
        ("Patient", 'name eq ""', "search-value-empty"),
        ("Patient", 'name ew " "', "search-value-empty"),
        ("Observation", "value-quantity gt gt5", "search-quantity-invalid"),
        ("Group", "characteristic[code co x].value eq y", "search-filter-within-unsupported"),
        ("Group", "characteristic[code eq x].code eq y", "search-filter-within-unsupported"),
        ("Group", "characteristic[a eq x].value eq y", "search-filter-within-unsupported"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(compiler, type, text, message):
    with pytest.raises(BadRequest) as refusal:
        filters.compile(text, type, compiler)
    (issue,) = refusal.value.issues
    assert issue.message == message
    assert "{" not in issue.text("zh") + issue.text("en")
