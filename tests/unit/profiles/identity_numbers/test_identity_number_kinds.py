"""Every kind of number is read as its standard says.

Spec: GB 11643-1999, GB 32100-2015, GB 11714-1997, WS 218-2002
"""

import csv
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.profiles.identity_numbers import residents
from server.profiles.identity_numbers.check_characters import (
    CREDIT_ALPHABET,
    of_credit_code,
    of_organization,
    of_resident,
)
from server.profiles.identity_numbers.residents import WrongNumberError

_KINDS = {
    "citizen_id_18": "resident",
    "citizen_id_15": "resident",
    "foreign_permanent_resident_2023": "foreigner-permanent-residence",
    "uscc": "credit-code",
    "org_code_9": "organization-code",
    "health_record_no": "health-record",
    "mobile": "phone",
    "landline": "phone",
    "passport_cn": "passport",
    "hk_mo_travel_permit": "hk-mo-travel-permit",
    "tw_travel_permit": "tw-travel-permit",
    "officer_card": "officer-card",
    "birth_certificate": "birth-certificate",
    "postal_code": "postal-code",
}
# Said by the rules on a resource, not by the number alone; or accepted with its shape only.
_ELSEWHERE = {
    "110105209901010012": "a birth date that is still to come",
    "99010200100100001": "a province that does not exist",
    "CAN110081060312": "an old card: the shape is all that is documented",
}


def _vectors():
    with (Path(__file__).parent / "vectors.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _kind(row):
    if row["type"] == "foreign_permanent_resident_2017":
        return "foreigner-permanent-residence-2017"
    if row["type"] == "hkmotw_residence_permit":
        is_taiwan = row["value"].startswith("83")
        return "tw-residence-permit" if is_taiwan else "hk-mo-residence-permit"
    return _KINDS[row["type"]]


@pytest.mark.parametrize("row", _vectors(), ids=lambda row: f"{row['type']} {row['value']}")
def test_a_number_is_taken_or_refused_as_its_standard_says(by_name, row):
    kind, value = by_name[_kind(row)], row["value"]
    if row["valid"] == "false" and value not in _ELSEWHERE:
        with pytest.raises(WrongNumberError):
            kind.read(value)
        return
    holder = kind.read(value)
    if row["birth"]:
        assert holder is not None
        assert holder.born.isoformat() == row["birth"]
        assert holder.sex == {"1": "male", "2": "female"}[row["sex"]]
    if row["upgraded"]:
        assert residents.upgraded(value) == row["upgraded"]


_DAYS = st.dates(date(1900, 1, 1), date(2026, 1, 1))
_REGIONS = st.sampled_from(["110105", "350602", "440524", "810000", "911156"])


@st.composite
def _numbers(draw):
    seventeen = f"{draw(_REGIONS)}{draw(_DAYS):%Y%m%d}{draw(st.integers(0, 999)):03d}"
    return seventeen + of_resident(seventeen)


def is_right(number):
    try:
        return residents.holder(number) is not None
    except WrongNumberError:
        return False


@given(_numbers(), st.integers(0, 16), st.integers(1, 9))
def test_any_one_wrong_digit_is_found(number, place, by):
    wrong = str((int(number[place]) + by) % 10)
    assert is_right(number)
    assert not is_right(number[:place] + wrong + number[place + 1 :])


@given(_numbers(), st.integers(0, 15))
def test_two_neighbours_changed_about_are_found(number, place):
    here, next_one = number[place], number[place + 1]
    changed = number[:place] + next_one + here + number[place + 2 :]
    assert is_right(changed) == (here == next_one)


@given(
    _REGIONS, st.dates(date(1900, 1, 1), date(1999, 12, 31)), st.integers(0, 995)
)  # fmt: skip
def test_an_upgrade_keeps_region_birth_and_sex(region, born, order):
    old = f"{region}{born:%y%m%d}{order:03d}"
    new = residents.upgraded(old)
    assert residents.holder(old) == residents.holder(new)
    assert residents.holder(new).born == born
    assert residents.holder(new).sex == ("male" if order % 2 else "female")
    assert residents.upgraded(new) == new


@pytest.mark.parametrize("order", ["996", "997", "998", "999"])
def test_the_oldest_were_born_in_the_century_before(order):
    assert residents.holder(f"110105990101{order}").born == date(1899, 1, 1)


@given(st.text("0123456789Xx ０１２Ｘ", max_size=20))
def test_what_is_not_formed_like_a_number_is_never_taken(text):
    assert residents.is_number(text) or not is_right(text)
    assert not residents.is_number(text) or len(text) in (15, 18)


def test_a_number_is_brought_into_its_normal_form():
    assert residents.normal(" １１０１０５ 19491231 002ｘ") == "11010519491231002X"


@st.composite
def _credit_codes(draw):
    head = draw(st.text(CREDIT_ALPHABET, min_size=2, max_size=2))
    organization = draw(st.text(CREDIT_ALPHABET, min_size=8, max_size=8))
    region = draw(st.integers(110000, 659999))
    check = of_organization(organization)
    seventeen = f"{head}{region}{organization}{check}"
    return seventeen + of_credit_code(seventeen)


@given(_credit_codes(), st.integers(0, 16), st.sampled_from(CREDIT_ALPHABET))
def test_any_one_wrong_character_of_a_credit_code_is_found(by_name, code, place, other):
    kind = by_name["credit-code"]
    assert kind.read(code) is None
    if other != code[place]:
        with pytest.raises(WrongNumberError):
            kind.read(code[:place] + other + code[place + 1 :])


@pytest.mark.parametrize("day", ["19900230", "20010229", "19001301", "20200431", "19000229"])
def test_no_number_is_read_that_names_no_day(day):
    seventeen = f"110105{day}001"
    with pytest.raises(WrongNumberError, match="no-such-day"):
        residents.holder(seventeen + of_resident(seventeen))


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("40002847535010220A1001", None),
        ("40002847435010220A1001", "identity-number-check"),
        ("40002847535010220A1003", "identity-number-shape"),
        ("40002847535010220A100", "identity-number-shape"),
        ("40002847535010220a1001", "identity-number-shape"),
    ],
)
def test_the_code_of_a_health_institution(by_name, code, fault):
    """WS 218-2002: organisation, division, economic type, kind, management."""
    kind = by_name["institution-code"]
    if fault is None:
        assert kind.read(code) is None
    else:
        with pytest.raises(WrongNumberError, match=fault):
            kind.read(code)
