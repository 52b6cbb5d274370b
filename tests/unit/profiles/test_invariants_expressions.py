"""Expressions find what FHIRPath says, with the types of R4.

Spec: http://hl7.org/fhirpath/N1/
"""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.profiles.fhirpath import ExpressionError, parse
from server.profiles.invariants.evaluation import Scope, TooMuch, compiled
from server.profiles.invariants.functions import FUNCTIONS
from server.profiles.invariants.items import Model, resource
from server.profiles.shapes import shapes

PATIENT = {
    "resourceType": "Patient",
    "active": True,
    "name": [{"family": "陈", "given": ["甲", "子"]}, {"given": [None], "_given": [{"id": "x"}]}],
    "birthDate": "1990-02",
    "_birthDate": {"extension": [{"url": "urn:a", "valueString": "b"}]},
    "deceasedDateTime": "2020-03-04",
    "multipleBirthInteger": 2,
    "managingOrganization": {"reference": "#o"},
    "contained": [{"resourceType": "Organization", "id": "o", "name": "院"}],
    "text": {"status": "empty", "div": "<div>a</div>"},
}


@pytest.fixture(scope="module")
def found(definitions):
    """Return a function that gives the values that an expression finds in the patient."""
    model = Model(shapes(definitions))

    def evaluated(expression, budget=10_000):
        item = resource(PATIENT)
        scope = Scope(model, ZoneInfo("Asia/Shanghai"), item, item, item, budget)
        return [one.value for one in compiled(expression, FUNCTIONS)(scope, [item])]

    return evaluated


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        # paths
        ("name.given", ["甲", "子", None]),
        ("Patient.name.family", ["陈"]),
        ("Observation.name", []),
        ("nothing", []),
        ("birthDate.extension.value", ["b"]),
        ("name.given.id", ["x"]),
        ("text.`div`", ["<div>a</div>"]),
        ("%resource.name.family | %rootResource.active", ["陈", True]),
        ("$this.active", [True]),
        # a choice of types
        ("deceased", ["2020-03-04"]),
        ("deceased is dateTime", [True]),
        ("deceased is boolean", [False]),
        ("deceased as dateTime", ["2020-03-04"]),
        ("multipleBirth.ofType(integer)", [2]),
        ("nothing is boolean", []),
        ("contained.where($this is Organization).name", ["院"]),
        ("active is Boolean", [True]),
        # three values of truth
        ("true and nothing", []),
        ("false and nothing", [False]),
        ("nothing and false", [False]),
        ("true or nothing", [True]),
        ("false or nothing", []),
        ("nothing or true", [True]),
        ("false implies nothing", [True]),
        ("true implies nothing", []),
        ("nothing implies true", [True]),
        ("true xor false", [True]),
        ("true xor nothing", []),
        ("nothing.not()", []),
        # equality and order
        ("multipleBirth = 2.0", [True]),
        ("multipleBirth != 3", [True]),
        ("nothing = 1", []),
        ("name.family = 'x'", [False]),
        ("name.given = name.given", [True]),
        ("active = 1", [False]),
        ("multipleBirth >= 2 and multipleBirth < 3", [True]),
        ("birthDate < deceased", [True]),
        ("birthDate < birthDate", [False]),
        ("birthDate <= '1990-02-03'", [True]),
        ("name.given < 'a'", []),
        ("multipleBirth + 1 = 3", [True]),
        ("name.family & nothing & 'x'", ["陈x"]),
        ("'x' + nothing", []),
        # membership
        ("'甲' in name.given", [True]),
        ("name.given contains '丙'", [False]),
        ("nothing in name.given", []),
        ("'院' in %resource.contained.name", [True]),
        ("true or true and false", [True]),
        # functions
        ("name.count() = 2 and name.exists() and nothing.empty()", [True]),
        ("name.exists(family = '陈')", [True]),
        ("name.all(given.exists())", [True]),
        ("name.where(family.exists()).given.first()", ["甲"]),
        ("name.given.tail()", ["子", None]),
        ("name.select(given.count())", [2, 1]),
        ("name.given.isDistinct()", [True]),
        ("name.given.combine(name.given).isDistinct()", [False]),
        ("name.given.intersect('子' | '丑')", ["子"]),
        ("birthDate.matches('[0-9]{4}-[0-9]{2}')", [True]),
        ("birthDate.matches('[0-9]{4}')", [False]),
        ("birthDate.startsWith('1990') and birthDate.contains('-')", [True]),
        ("birthDate.substring(5)", ["02"]),
        ("birthDate.replaceMatches('-.*', '')", ["1990"]),
        ("birthDate.replaceMatches('-.*', '').toInteger()", [1990]),
        ("name.family.toInteger()", []),
        ("multipleBirth.toString()", ["2"]),
        ("managingOrganization.resolve().name", ["院"]),
        ("iif(active, 'a', 'b')", ["a"]),
        ("nothing.iif(empty(), 'a')", ["a"]),
        ("birthDate.hasValue() and name.given.tail().tail().hasValue().not()", [True]),
        ("contained.children().count()", [2]),
        ("descendants().where($this = '院').trace('x').count()", [1]),
        ("'it\\'s'", ["it's"]),
        ("1.5", [1.5]),
    ],
)
def test_an_expression_finds(found, expression, values):
    assert found(expression) == values


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "a b",
        "a.",
        "(a",
        "a)",
        "a.where(",
        "'a",
        "a ~ b",
        "ofType(1)",
        "a.is(1)",
        "a[0]",
        "a is 1",
    ],
)
def test_what_is_no_expression_is_not_understood(expression):
    with pytest.raises(ExpressionError):
        compiled(expression, FUNCTIONS)


@pytest.mark.parametrize("expression", ["htmlChecks()", "%unknown", "now()"])
def test_what_is_not_of_r4s_invariants_is_not_understood(expression):
    with pytest.raises(ExpressionError):
        compiled(expression, FUNCTIONS)


def test_an_evaluation_ends_with_its_budget(found):
    with pytest.raises(TooMuch):
        found("descendants().descendants().descendants()", budget=20)


PARTS = [
    "name",
    "given",
    ".",
    "(",
    ")",
    "'a'",
    "1",
    " and ",
    " = ",
    "|",
    "where",
    "is",
    "$this",
    ",",
]


@given(st.lists(st.sampled_from(PARTS), max_size=12).map("".join) | st.text(max_size=20))
def test_any_text_is_parsed_or_not_understood(text):
    try:
        assert parse(text) == parse(f" {text} ")
    except ExpressionError:
        return
