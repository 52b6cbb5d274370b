"""What _filter finds: https://hl7.org/fhir/R4/search_filter.html#ops."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.fhir.date import microseconds
from server.fhir.outcome import BadRequest, TooCostly
from server.search import filter as filters
from server.search import terminology
from server.search.conditions import all_of, any_of
from server.search.joins import join, resolved
from server.search.kinds import KINDS
from server.search.parameter import Asked
from server.search.presence import missing
from server.search.values import split

LOINC = "http://loinc.org"
NOW = microseconds(datetime(2024, 6, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Pointing:
    """Resources whose reference `code` points at what a condition holds of, by type."""

    code: str
    targets: dict

    def condition(self, lookup):
        rows = [
            (type, row["_id"])
            for type, inner in self.targets.items()
            for row in lookup.rows(type, resolved(inner, lookup).condition, ("_id",), 1000)
        ]
        texts = [f"{type}/{id}" for type, id in rows]
        named = [f"{self.code}={text}" for text in texts]
        return any_of([{"t": {"$in": named}}, {"pt": {"$in": texts}}])


class Compiler:
    """Compiles single parameters and chains with nothing but the kinds of parameters."""

    def __init__(self, plans):
        self.plans = plans

    def kind(self, type, code):
        plan = self.plans[type]
        if code in plan.composites:
            return "composite"
        if code not in plan.parameters:
            raise BadRequest.because("search-parameter-unknown", type=type, parameter=code)
        return plan.parameters[code].type

    def condition(self, type, name, value):
        code, _, modifier = name.partition(":")
        if code in self.plans[type].composites:
            return self.composite(self.plans[type].composites[code], value)
        parameter = self.plans[type].parameters[code]
        if modifier == "missing":
            return missing(parameter, value)
        if code == "_id":
            return {"_id": value}
        kind = KINDS[parameter.type]
        if modifier == "not-in":
            return {"$nor": [self.compared(type, code, terminology.MODIFIERS["in"], value)]}
        known = {**kind.modifiers, **terminology.MODIFIERS}
        return self.compared(type, code, known[modifier] if modifier else kind.condition, value)

    def composite(self, composite, value):
        parts = zip(composite.members, split(value, "$"), strict=True)
        compared = [
            KINDS[one.type].condition(one, text, self.plans.environment, Asked(NOW, few=False))
            for one, text in parts
        ]
        return {"k": {"$elemMatch": all_of([{"p": composite.code}, *compared])}}

    def compared(self, type, code, compare, text):
        def found(parameter):
            for source in parameter.sources:
                yield from found(source)
            if not parameter.sources:
                yield compare(parameter, text, self.plans.environment, Asked(NOW, few=False))

        return any_of(found(self.plans[type].parameters[code]))

    def chained(self, type, code, inner):
        self.kind(type, code)
        targets = {}
        for target in self.plans[type].parameters[code].targets:
            try:
                targets[target] = inner(target)
            except BadRequest:
                continue
        return join(Pointing(code, targets))


class Rows:
    """What a database has, as a join asks for it."""

    def __init__(self, database):
        self.database = database

    def rows(self, type, condition, fields, limit):
        return list(self.database[type].find(condition, dict.fromkeys(fields, 1)).limit(limit))


@pytest.fixture
def compiler(index):
    return Compiler(index.plans)


@pytest.fixture
def filtered(store, database, compiler):
    """Returns a function from resources and a filter to the positions of those it finds."""

    def filtered(resources, text):
        filled = [{"id": str(n), **one} for n, one in enumerate(resources)]
        collection = store(*filled)
        return matching(collection, text)

    def matching(collection, text):
        condition = filters.compile(text, collection.name, compiler)
        condition = resolved(condition, Rows(database)).condition
        return sorted(int(one["_id"]) for one in collection.find(condition))

    filtered.matching = matching
    return filtered


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


def concept(system, code):
    return {"coding": [{"system": system, "code": code}]}


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


@pytest.fixture
def observations(store):
    """Stores two patients, an organization, and what was observed of the patients."""
    store(
        {"resourceType": "Patient", "id": "zhang", "name": [{"family": "张"}], "gender": "male"},
        {
            "resourceType": "Patient",
            "id": "li",
            "name": [{"family": "李"}],
            "gender": "female",
            "managingOrganization": {"reference": "Organization/first"},
        },
    )
    store({"resourceType": "Organization", "id": "first", "name": "第一医院"})
    subjects = ("Patient/zhang", "Patient/li", "Patient/li", "Group/others", None)
    return store(
        *(
            {
                "resourceType": "Observation",
                "id": str(n),
                "code": concept(LOINC, "1-8" if n % 2 == 0 else "2-6"),
                **({"subject": {"reference": subject}} if subject else {}),
            }
            for n, subject in enumerate(subjects)
        )
    )


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        ("subject re Patient/li", [1, 2]),
        ("subject eq Patient/li", [1, 2]),
        ("subject re http://localhost/fhir/Patient/li", [1, 2]),
        ("subject re Group/others", [3]),
        ("subject ne Patient/li", [0, 3]),
        ("patient re li", [1, 2]),
        ("subject pr false", [4]),
        ("subject.name co 张", [0]),
        ("subject.gender ne male", [1, 2]),
        ("not (subject.gender eq male)", [1, 2, 3, 4]),
        ("subject.organization.name sw 第一", [1, 2]),
        ("subject.name eq 李 and code eq loinc|1-8", [2]),
        ("subject[gender eq female].name co 李", [1, 2]),
        ("subject[gender eq male].name co 李", []),
        ("subject[gender eq male or name eq 李].name pr true", [0, 1, 2]),
        ("subject[organization[name ew 医院].name sw 第].gender eq female", [1, 2]),
    ],
)
def test_references_and_chains(filtered, observations, text, positions):
    assert filtered.matching(observations, text) == positions


def test_what_stands_in_brackets_is_of_the_same_element(filtered):
    def group(*pairs):
        characteristics = [
            {"code": concept("s", code), "valueCodeableConcept": concept("s", value)}
            for code, value in pairs
        ]
        return {"resourceType": "Group", "characteristic": characteristics}

    stored = [group(("sex", "male"), ("age", "old")), group(("sex", "old"), ("age", "male"))]
    assert filtered(stored, "characteristic[code eq s|sex].value eq s|male") == [0]
    assert filtered(stored, "characteristic[value eq old].code eq sex") == [1]
    assert filtered(stored, "characteristic eq sex and value eq male") == [0, 1]


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


def test_chains_through_references_to_anything_are_bounded(compiler):
    with pytest.raises(TooCostly) as refusal:
        filters.compile("subject." * 19 + "name eq x", "Basic", compiler)
    assert refusal.value.issues[0].message == "search-filter-too-wide"


FAMILIES = ("An", "Bao", "Baoan")
GENDERS = ("male", "female", None)
leaves = st.one_of(
    st.tuples(
        st.just("family"),
        st.sampled_from(["eq", "ne", "co", "sw", "ew", "lt", "ge"]),
        st.sampled_from(["an", "bao", "ao", "c"]),
    ),
    st.tuples(st.just("gender"), st.sampled_from(["eq", "ne"]), st.sampled_from(GENDERS[:2])),
    st.tuples(st.sampled_from(["gender", "family"]), st.just("pr"), st.sampled_from(["true"])),
)
formulas = st.recursive(
    leaves,
    lambda inner: (
        st.tuples(st.just("not"), inner) | st.tuples(st.sampled_from(["and", "or"]), inner, inner)
    ),
    max_leaves=6,
)
RELATIONS = {
    "eq": lambda held, value: held == value,
    "ne": lambda held, value: held != value,
    "co": lambda held, value: value in held,
    "sw": lambda held, value: held.startswith(value),
    "ew": lambda held, value: held.endswith(value),
    "lt": lambda held, value: held < value,
    "ge": lambda held, value: held >= value,
    "pr": lambda held, _: held is not None,
}


def written(formula):
    match formula:
        case "not", inner:
            return f"not ({written(inner)})"
        case ("and" | "or") as word, left, right:
            return f"({written(left)}) {word} ({written(right)})"
    return " ".join(formula)


def holds(formula, person):
    match formula:
        case "not", inner:
            return not holds(inner, person)
        case "and", left, right:
            return holds(left, person) and holds(right, person)
        case "or", left, right:
            return holds(left, person) or holds(right, person)
        case code, operator, value:
            held = person[code]
            return held is not None and RELATIONS[operator](held.lower(), value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(formula=formulas)
def test_any_formula_finds_whom_it_holds_of(filtered, everyone, formula):
    collection, described = everyone
    expected = [n for n, person in enumerate(described) if holds(formula, person)]
    assert filtered.matching(collection, written(formula)) == expected


@pytest.fixture
def everyone(store):
    """Stores a person of each name, or none, and gender; returns them as they are described."""
    described = [{"family": f, "gender": g} for f in (*FAMILIES, None) for g in GENDERS]
    resources = [
        {
            "resourceType": "Patient",
            "id": str(n),
            **({"name": [{"family": one["family"]}]} if one["family"] else {}),
            **({"gender": one["gender"]} if one["gender"] else {}),
        }
        for n, one in enumerate(described)
    ]
    return store(*resources), described
