"""Residents have names, numbers and addresses that are right and belong to nobody."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.demo import identity
from server.demo.residents import REFERENCE, residents
from server.demo.tables import read
from server.profiles.identity_numbers.check_characters import of_resident

SEED = 1


@pytest.fixture(scope="module")
def patients():
    """Four hundred residents as Patients."""
    return [resident[0] for resident in residents(400, SEED)]


def numbers(patient):
    return {entry["system"]: entry["value"] for entry in patient["identifier"]}


def id_number(patient):
    return numbers(patient)["urn:oid:2.16.156.10011.1.3"]


@given(number=st.integers(0, identity.CAPACITY - 1), seed=st.integers(0, 10_000))
@settings(max_examples=200, deadline=None)
def test_two_residents_never_share_an_id_number(number, seed):
    """Whatever their ages: the day of the year and the order code differ."""

    def key(one):
        born = identity.birthday(one, seed, 30, REFERENCE)
        return born.timetuple().tm_yday, identity.identity_number("350600", born, one, "male")[
            14:17
        ]

    for other in {0, number // 2, number + 1, number + 480, number + 480 * 364} - {number}:
        if other < identity.CAPACITY:
            # The day of the year tells them apart whatever the years of birth are.
            assert key(number) != key(other)


def test_id_numbers_are_unique(patients):
    found = [id_number(patient) for patient in patients]
    assert len(set(found)) == len(found)


def test_an_id_number_agrees_with_the_patient_and_with_no_living_person(patients):
    """GB 11643: 1-6 division, 7-14 birth date, 17 odd for men, 18 check."""
    for patient in patients:
        number = id_number(patient)
        assert number[:6] == "350600", "the code of a prefecture, under which none is issued"
        assert number[6:14] == patient["birthDate"].replace("-", "")
        assert int(number[16]) % 2 == (1 if patient["gender"] == "male" else 0)
        assert of_resident(number[:17]) == number[17]


def test_a_health_record_number_lies_in_no_township(patients):
    for patient in patients:
        assert re.fullmatch(r"350600000\d{8}", numbers(patient)["urn:oid:2.16.156.10011.1.2"])


def test_phone_numbers_have_a_prefix_that_no_subscriber_has(patients):
    phones = [patient["telecom"][0]["value"] for patient in patients]
    assert all(re.fullmatch(r"100\d{8}", phone) for phone in phones)
    assert len(set(phones)) == len(phones)


def test_names_are_stems_and_branches_under_a_surname(patients):
    given = {patient["name"][0]["given"][0] for patient in patients}
    assert all(
        re.fullmatch("[甲乙丙丁戊己庚辛壬癸][子丑寅卯辰巳午未申酉戌亥]", name) for name in given
    )
    families = (patient["name"][0]["family"] for patient, *_ in residents(2000, SEED))
    assert any(len(family) == 2 for family in families), "compound surnames occur"
    for patient in patients:
        han, pinyin = patient["name"]
        assert han["text"] == han["family"] + han["given"][0]
        assert pinyin["text"].isascii() or "ü" in pinyin["text"]


def test_an_address_carries_the_codes_of_its_county_and_township(patients):
    townships = {township.code: township.name for township in read().region.townships}
    for patient in patients:
        (address,) = patient["address"]
        township = address["_line"][0]["extension"][0]["valueCoding"]["code"]
        county = address["_district"]["extension"][0]["valueCoding"]["code"]
        assert townships[township] == address["line"][0]
        assert township.startswith(county)
        assert len(address["_line"]) == len(address["line"])
        assert address["text"] == "".join(
            [address["state"], address["city"], address["district"], *address["line"]]
        )
