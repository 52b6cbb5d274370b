"""The matrix: who asks × what is asked × how it is spelled, each judged by the oracle.

One test is the part of the matrix of one token; it tells how many cases that is. The last test
sees to it that the matrix stays as large as it is meant to be.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.security.access.judging import Judge, Report
from tests.security.access.searches import SEARCHES
from tests.security.access.tokens import BY_NAME, TOKENS

LEAST_CASES = 12_000
AT_ONCE = 8
CLOSELY = frozenset(
    {"a", "b", "d", "e", "lab-a", "vit-a", "vit-b", "hiv-d", "seq-d", "apt-ab", "acc-ab", "per-ab",
     "prv-ab", "grp", "a-to-b", "b-to-a", "lab-to-vital", "vital-to-lab", "b-stays", "gone-a",
     "gone-b", "gone-f", "back-a", "back-b", "becomes-hiv-d", "was-hiv-d", "task-a",
     "org-1", "values", "a-at-3", "no-subject", "none-at-3", "list-a", "sex-a", "nobody"}
)  # fmt: skip
HISTORIES = ("Patient", "Observation", "Condition", "Appointment", "AuditEvent", "Organization",
             "Provenance", "DiagnosticReport", None)  # fmt: skip


@pytest.fixture(scope="module")
def counted():
    """The number of cases of each part."""
    return {}


def judged(counted, part, report, asked):
    """Ask all that is to be asked, several at a time, and fail with what was wrong."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda ask: ask(), asked))
    counted[part] = report.cases
    assert report.faults == [], f"{len(report.faults)} of {report.cases}"


@pytest.mark.parametrize("name", BY_NAME)
def test_searches_find_what_the_token_may_find_and_nothing_else(world, oracle, counted, name):
    report, token = Report(), BY_NAME[name]
    judge, first = Judge(world.wire, oracle, report), TOKENS.index(token)
    asked = [partial(judge.search, token, one, turn) for turn, one in enumerate(SEARCHES, first)]
    judged(counted, f"search {name}", report, asked)


@pytest.mark.parametrize("name", BY_NAME)
def test_reads_show_what_the_token_may_read_and_nothing_else(world, oracle, counted, name):
    report, token = Report(), BY_NAME[name]
    judge = Judge(world.wire, oracle, report)
    asked = [
        partial(judge.read, token, *one, closely=one[1] in CLOSELY)
        for one in (*oracle.versions, ("Observation", "nobody"), ("AuditEvent", "nobody"))
    ]
    judged(counted, f"read {name}", report, asked)


@pytest.mark.parametrize("name", BY_NAME)
def test_histories_list_what_the_token_may_know_and_nothing_else(world, oracle, counted, name):
    report = Report()
    judge = Judge(world.wire, oracle, report)
    asked = [partial(judge.history, BY_NAME[name], type) for type in HISTORIES]
    judged(counted, f"history {name}", report, asked)


def test_the_matrix_is_as_large_as_it_is_meant_to_be(counted):
    if len(counted) < 3 * len(BY_NAME):
        pytest.skip("only a part of the matrix was run")
    assert sum(counted.values()) > LEAST_CASES
