"""Verdicts that are kept are those that would be given anew."""

from dataclasses import dataclass
from datetime import date

import pytest

from server.terminology.compositions import Part
from server.terminology.expressions import EVERY
from server.terminology.membership import Code, Verdict
from server.terminology.systems import table
from server.terminology.verdicts import Verdicts

ABOLISHED = [{"code": "validTo", "valueDateTime": "2010-12-31"}]
SYSTEM = table({
    "resourceType": "CodeSystem", "url": "urn:one", "content": "complete",
    "concept": [{"code": "a"}, {"code": "former", "property": ABOLISHED}],
})  # fmt: skip
DAY = date(2020, 1, 1)
GOOD, BAD = Verdict(is_member=True), Verdict(is_member=False)


@dataclass(frozen=True)
class Elsewhere:
    """A code system in a database."""


def kept(code, verdict, on, system=SYSTEM):
    """Return what is asked for again, if `verdict` of `code` is given once."""
    verdicts, key = Verdicts(), ("urn:set", Code(code, "urn:one"))
    verdicts.keep(key, on, verdict, (Part("urn:one", None, system, EVERY),))
    return lambda on=on: verdicts.find(key, on)


@pytest.mark.parametrize("verdict", [GOOD, BAD, Verdict(is_member=None)])
def test_a_verdict_on_a_code_that_is_always_valid_is_kept_for_every_day(verdict):
    find = kept("a", verdict, DAY)
    assert find() is find(on=None) is find(on=date(1980, 1, 1)) is verdict


def test_a_verdict_for_a_day_on_a_code_with_days_is_not_kept():
    assert kept("former", BAD, DAY)() is None


def test_a_verdict_for_no_day_on_a_code_with_days_is_kept_for_no_day_only():
    find = kept("former", GOOD, None)
    assert (find(), find(on=DAY)) == (GOOD, None)


def test_what_a_database_tells_is_not_kept():
    assert kept("a", GOOD, None, Elsewhere())() is None


def test_what_is_long_is_not_kept():
    assert kept("a" * 101, BAD, None)() is None


def test_no_more_than_so_many_verdicts_are_kept():
    verdicts = Verdicts()
    for number in range(20_000):
        verdicts.keep(("urn:set", Code(str(number), "urn:x")), None, BAD, ())
    assert len(verdicts) <= 8192
