"""Numbers in a resource are right, and agree with what else it says.

Spec: GB 11643-1999, GB 32100-2015, GB 11714-1997
"""

from datetime import date, timedelta

import pytest

from server.fhir.messages import text
from server.profiles.identity_numbers.check_characters import of_resident
from server.profiles.identity_numbers.residents import ID_NUMBER
from server.profiles.identity_rules import IdentityRules

SID = "https://tongkang.example/fhir/sid/"
# Issued under whole prefectures, as no real number is.
REGIONS = ("350600", "130100", "440100", "530100", "650100")


def numbered(region, born, order):
    seventeen = f"{region}{born:%Y%m%d}{order:03d}"
    return seventeen + of_resident(seventeen)


def patient(*identifiers, **elements):
    return {"resourceType": "Patient", "identifier": list(identifiers), **elements}


def card(value, **also):
    return {"system": ID_NUMBER, "value": value, **also}


def _persons():
    """Return 60 made-up persons: number, birth date, gender."""
    rows = []
    for place in range(60):
        born = date(1930, 1, 1) + timedelta(place * 571)
        number = numbered(REGIONS[place % 5], born, 100 + place)
        rows.append((number, born.isoformat(), "male" if place % 2 else "female"))
    return rows


PERSONS = _persons()
VALUE = "Patient.identifier[0].value"


@pytest.mark.parametrize(("number", "born", "gender"), PERSONS)
def test_a_number_that_agrees_is_taken(told, number, born, gender):
    assert told(patient(card(number), birthDate=born, gender=gender)) == []


@pytest.mark.parametrize(("number", "born", "gender"), PERSONS)
def test_a_number_of_another_birth_date_is_refused(told, number, born, gender):
    other = (date.fromisoformat(born) + timedelta(1)).isoformat()
    found = told(patient(card(number), birthDate=other, gender=gender))
    assert found == [("error", "identity-number-birth-date", VALUE)]


@pytest.mark.parametrize(("number", "born", "gender"), PERSONS)
def test_a_number_of_another_sex_is_refused(told, number, born, gender):
    other = "female" if gender == "male" else "male"
    found = told(patient(card(number), birthDate=born, gender=other))
    assert found == [("error", "identity-number-gender", VALUE)]


@pytest.mark.parametrize(("number", "born", "gender"), PERSONS)
def test_a_number_with_a_wrong_digit_is_refused(told, number, born, gender):
    wrong = f"{number[:16]}{(int(number[16]) + 2) % 10}{number[17]}"
    found = told(patient(card(wrong), birthDate=born, gender=gender))
    assert found == [("error", "identity-number-check", VALUE)]


@pytest.mark.parametrize("gender", ["unknown", "other", None])
@pytest.mark.parametrize("length", [4, 7])
def test_what_is_not_told_agrees_with_every_number(told, gender, length):
    number, born, _ = PERSONS[7]
    elements = {"birthDate": born[:length]} | ({} if gender is None else {"gender": gender})
    assert told(patient(card(number), **elements)) == []
    assert told(patient(card(number), **elements | {"birthDate": "1901"})) == [
        ("error", "identity-number-birth-date", VALUE)
    ]


@pytest.mark.parametrize(
    ("number", "severity", "message"),
    [
        ("110105194912310020", "error", "identity-number-check"),
        ("1101051949123100", "error", "identity-number-shape"),
        ("１１０１０５19491231002X", "error", "identity-number-shape"),
        ("11010519491231002x", "warning", "identity-number-small-x"),
        (numbered("110105", date(2099, 1, 1), 1), "error", "identity-number-future"),
        (numbered("119999", date(1990, 1, 1), 1), "warning", "identity-number-region"),
        (numbered("770101", date(1990, 1, 1), 1), "error", "identity-number-province"),
    ],
)
def test_an_id_number_that_is_not_as_it_should_be(told, number, severity, message):
    assert told(patient(card(number))) == [(severity, message, VALUE)]


def test_a_region_that_is_no_more_is_a_region(told, known):
    # 乌拉特中后联合旗, which has been another division since 1981.
    retired = "152725"
    assert retired in known.regions
    assert told(patient(card(numbered(retired, date(1979, 1, 1), 1)))) == []


def test_what_is_marked_as_old_is_only_warned_of(told):
    number, born, gender = PERSONS[1]
    replaced = card("110105194912310020", use="old")
    found = told(patient(card(number), replaced, birthDate=born, gender=gender))
    assert found == [("warning", "identity-number-check", "Patient.identifier[1].value")]


@pytest.mark.parametrize(
    ("system", "value", "severity"),
    [
        (f"{SID}hk-mo-residence-permit", "810000199205170031", "error"),
        (f"{SID}hk-mo-residence-permit", "830000199205170034", "error"),
        (f"{SID}tw-residence-permit", "830000199205170035", "error"),
        (f"{SID}foreigner-permanent-residence", "911124198106030021", "error"),
        ("urn:oid:2.16.156.10011.1.2", "3501020010010001", "error"),
        ("urn:oid:2.16.156.10011.1.2", "99010200100100001", "error"),
        ("urn:oid:2.16.156.10011.1.2", "35999900100100001", "warning"),
        (f"{SID}passport-cn", "G1234567", "warning"),
        (f"{SID}hk-mo-travel-permit", "H1234567", "warning"),
        (f"{SID}tw-travel-permit", "123456789", "warning"),
        (f"{SID}birth-certificate", "350000001", "warning"),
        (f"{SID}ehc-id", "0A", "warning"),
    ],
)
def test_other_numbers_of_persons(told, system, value, severity):
    (found,) = told(patient({"system": system, "value": value}))
    assert (found[0], found[2]) == (severity, VALUE)


def test_a_residence_permit_tells_birth_and_sex_as_a_card_does(told):
    permit = {"system": f"{SID}hk-mo-residence-permit", "value": "810000199205170030"}
    assert told(patient(permit, birthDate="1992-05-17", gender="male")) == []
    found = told(patient(permit, birthDate="1992-05-18", gender="female"))
    assert [message for _, message, _ in found] == [
        "identity-number-birth-date",
        "identity-number-gender",
    ]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("91110108MA001234XF", None),
        ("12440300455755434D", None),
        ("91110108MA001234X0", "identity-number-check"),
        ("91110108MI0012345X", "identity-number-shape"),
        ("91110108MA00123455", "identity-number-embedded"),
    ],
)
def test_the_code_of_an_organization(told, value, message):
    system = f"{SID}unified-social-credit-code"
    organization = {
        "resourceType": "Organization",
        "identifier": [{"system": system, "value": value}],
    }
    found = told(organization, "organization")
    at = "Organization.identifier[0].value"
    assert found == ([] if message is None else [("error", message, at)])


@pytest.mark.parametrize(
    ("telecom", "is_right"),
    [
        ("13800138000", True),
        ("+86 13800138000", True),
        ("0596-2345678", True),
        ("010-62345678-801", True),
        ("400-810-0000", True),
        ("+44 20 7946 0000", True),
        ("1380013800", False),
        ("请打给妈妈", False),
    ],
)
def test_telephone_numbers_are_warned_of_wherever_they_stand(told, telecom, is_right):
    phone = [{"system": "phone", "value": telecom}]
    contacts = [{"telecom": [{"system": "email", "value": "a@b.example"}, *phone]}]
    found = told(patient(telecom=phone, contact=contacts))
    expected = ["Patient.telecom[0].value", "Patient.contact[0].telecom[1].value"]
    wrong = [("warning", "identity-number-shape", one) for one in expected]
    assert found == ([] if is_right else wrong)


def test_postal_codes_are_of_six_digits_in_this_country(told):
    home, abroad = {"postalCode": "36300"}, {"postalCode": "SW1A 1AA", "country": "GB"}
    found = told(patient(address=[home, abroad]))
    assert found == [("warning", "identity-number-shape", "Patient.address[0].postalCode")]


@pytest.mark.parametrize("name", ["practitioner", "related-person"])
def test_the_rules_hold_for_everybody_who_has_an_id_number(told, name):
    type = "".join(part.title() for part in name.split("-"))
    number, born, gender = PERSONS[3]
    person = {"resourceType": type, "identifier": [card(number)], "gender": gender}
    assert told({**person, "birthDate": born}, name) == []
    assert [one for one, _, _ in told({**person, "birthDate": "1901-01-01"}, name)] == ["error"]


def test_no_number_is_repeated_whole(known):
    rules = IdentityRules(known, lambda: date(2026, 11, 28))
    number, born, gender = PERSONS[0]
    wrong = patient(card(number), birthDate="1901-01-01", gender="male" if gender != "male" else "")
    for issue in rules.faults(wrong):
        for language in ("zh", "en"):
            said = text(issue.message, language, issue.arguments)
            assert number not in said
            assert born.replace("-", "") not in said
            assert "GB 11643" in said


def test_what_has_no_value_is_not_judged(told):
    without = ({"system": ID_NUMBER}, {"value": "1"}, {"system": "urn:a", "value": "1"})
    assert told(patient(*without)) == []
