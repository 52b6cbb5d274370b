"""What a page includes is bounded, and nothing is left out in silence."""

import pytest

from server.interactions import including
from server.search import includes
from tests.unit.search.includes.conftest import resource, to


@pytest.fixture
def crowd(stored, plans):
    """Returns a function from a budget to the page of 4 patients, 300 observations for each."""
    lookup = stored(
        *(resource(f"Patient/{n}") for n in range(4)),
        *(resource(f"Observation/{n}", subject=to(f"Patient/{n % 4}")) for n in range(1200)),
        *(resource(f"Provenance/{n}", target=[to(f"Observation/{n}")]) for n in range(8)),
    )

    def crowd(**budget):
        pairs = [
            ("_revinclude", "Observation:subject"),
            ("_revinclude:iterate", "Provenance:target"),
        ]
        asked = includes.parse(plans, ["Patient"], pairs)
        matches = lookup.matches("Patient", ["0", "1", "2", "3"], asked.fields)
        return including.page(lookup, asked, matches, including.Budget(**budget))

    return crowd


def test_many_are_included_whole(crowd):
    page = crowd()
    assert (page.matches, len(page.included), page.issues) == (4, 1208, ())


@pytest.mark.parametrize(
    ("budget", "matches"),
    [
        ({"resources": 1208}, 4),
        ({"resources": 1207}, 2),
        ({"resources": 604}, 2),
        ({"resources": 303}, 1),
        ({"size": 100_000}, 2),
        ({"size": 30_000}, 1),
    ],
)
def test_a_page_that_would_include_too_much_has_fewer_matches(crowd, budget, matches):
    page = crowd(**budget)
    assert page.matches == matches
    assert len(page.included) == matches * 302
    assert page.issues == ()


@pytest.mark.parametrize(
    ("budget", "included", "types", "example"),
    [
        ({"resources": 250}, 250, "Observation, Provenance", "Observation?subject=Patient/0"),
        ({"resources": 301}, 301, "Provenance", "Provenance?target=Observation/0"),
        ({"queries": 2}, 200, "Observation, Provenance", "Observation?subject=Patient/0"),
    ],
)
def test_what_is_left_out_of_a_single_match_is_said(crowd, budget, included, types, example):
    page = crowd(**budget)
    assert (page.matches, len(page.included)) == (1, included)
    (issue,) = page.issues
    assert (issue.severity, issue.code) == ("warning", "too-costly")
    assert (issue.arguments["types"], issue.arguments["example"]) == (types, example)
    assert issue.text("zh")
