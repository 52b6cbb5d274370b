"""R1.18: who registers is compared with the record, by name, number and date of birth."""

import dataclasses
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime

import orjson
import pytest

from server.access.caller import Caller
from server.access.policy import OPEN
from server.context import Context
from server.door import perform
from server.fhir.outcome import Conflict, Unavailable, Unprocessable
from server.identity import accounts, passwords, real_name, registration, senders, shelves, staff
from server.identity.real_name import Asker, Claim
from server.identity.sessions import Sessions
from server.interactions.call import Call
from tests import builders
from tests.identity.conftest import PASSWORD
from tests.processes import wait_until

ASKER = Asker(Caller(kind="system", purpose="HSYSADMIN"), "10.9.8.7")


@pytest.fixture
def claim(patient, number):
    """What is true of that patient."""
    return Claim(number, "陈甲子", "1990-01-31")


@pytest.fixture
def sent(monkeypatch):
    """The codes that were sent: (telephone, code)."""
    codes = []
    monkeypatch.setattr(senders, "_to_log", lambda phone, code: codes.append((phone, code)))
    return codes


def code_of(sent):
    wait_until(lambda: sent)
    return sent.pop()[1]


@pytest.mark.parametrize("name", ["陈甲子", " 陈 甲子 ", "陈·甲子", "陈甲子\u3000"])
def test_who_is_described_is_found_however_the_name_is_spaced(services, patient, claim, name):
    asked = dataclasses.replace(claim, name=name)
    assert real_name.find(services, asked, ASKER)["id"] == patient["id"]


@pytest.mark.parametrize(
    "wrong",
    [{"name": "陈甲"}, {"name": ""}, {"born": "1990-01-30"}, {"born": "1990"}, {"born": ""},
     {"number": "350602199001319999"}, {"number": "1|2"}, {"number": ""}, {"number": "$ne"},
     {"number": "x,y"}, {"number": "\\"}, {"name": "\0"}],
    ids=str,
)  # fmt: skip
def test_who_is_not_is_not_found(services, claim, wrong):
    assert real_name.find(services, dataclasses.replace(claim, **wrong), ASKER) is None


@pytest.mark.parametrize(
    "state", [{"active": False}, {"deceasedBoolean": True}, {"deceasedDateTime": "2024-05-01"}]
)
def test_the_dead_and_the_inactive_are_not_found(services, store, number, state):
    identifier = [{"system": builders.ID_CARD, "value": number}]
    store(builders.patient(identifier=identifier, birthDate="1990-01-31", **state))
    assert real_name.find(services, Claim(number, "陈甲子", "1990-01-31"), ASKER) is None


def test_of_two_records_with_one_number_none_is_meant(services, store, patient, claim):
    store({name: value for name, value in patient.items() if name not in ("id", "meta")})
    assert real_name.find(services, claim, ASKER) is None


@pytest.mark.parametrize(("name", "outcome"), [("陈甲子", "0"), ("李乙丑", "4")])
def test_that_somebody_asked_is_recorded_even_in_vain(services, patient, claim, name, outcome):
    real_name.find(services, dataclasses.replace(claim, name=name), ASKER)
    (event,) = checks_of(services, patient)
    assert event["outcome"] == outcome
    assert event["agent"][0]["network"]["address"] == "10.9.8.7"
    assert claim.number not in str(event)


def checks_of(services, patient):
    query = (("patient", f"Patient/{patient['id']}"), ("subtype", "real-name-checked"))
    call = Call(interaction="search-type", type="AuditEvent", query=query)
    bundle = orjson.loads(perform(Context.of(services, OPEN, "zh"), call).body)
    return [entry["resource"] for entry in bundle.get("entry", ())]


def test_with_the_code_a_resident_has_an_account(services, patient, claim, sent):
    id = registration.begin(services, claim, None)
    account = registration.confirm(services, id, code_of(sent), PASSWORD)
    assert account["person"] == f"Patient/{patient['id']}"
    login = accounts.resident_login(claim.number)
    assert accounts.authenticated(services, login, PASSWORD)["id"] == account["id"]


def test_a_code_goes_to_the_telephone_in_the_record(services, claim, sent):
    registration.begin(services, claim, None)
    wait_until(lambda: sent)
    assert sent[0][0] == "13800001111"


def test_a_code_is_kept_hashed_for_five_minutes(services, claim, sent):
    id = registration.begin(services, claim, None)
    kept = services.store.shelf(shelves.CODES).find(id)
    assert code_of(sent) not in str(kept)
    assert claim.number not in str(kept)
    assert kept["expires_at"] - datetime.now(UTC) <= registration.LASTS


def test_five_wrong_codes_and_the_right_one_comes_too_late(services, claim, sent):
    id = registration.begin(services, claim, None)
    code = code_of(sent)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for _ in range(registration.TRIES):
        assert registration.confirm(services, id, wrong, PASSWORD) is None
    assert registration.confirm(services, id, code, PASSWORD) is None


def test_a_code_is_used_once(services, claim, sent):
    id = registration.begin(services, claim, None)
    code = code_of(sent)
    assert registration.confirm(services, id, code, PASSWORD)
    assert registration.confirm(services, id, code, PASSWORD) is None


def test_of_several_who_use_a_code_at_the_same_time_one_has_an_account(services, claim, sent):
    id = registration.begin(services, claim, None)
    code = code_of(sent)

    def confirmed(_):
        with suppress(Conflict):
            return registration.confirm(services, id, code, PASSWORD)

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(confirmed, range(4)))
    assert sum(account is not None for account in found) == 1
    assert services.store.shelf(shelves.CODES).find(id) is None


def test_a_weak_password_does_not_use_the_code_up(services, claim, sent):
    id = registration.begin(services, claim, None)
    code = code_of(sent)
    for weak in ("short", f"xy {claim.number} zz"):
        with pytest.raises(Unprocessable):
            registration.confirm(services, id, code, weak)
    assert registration.confirm(services, id, code, PASSWORD)


def test_of_two_registrations_at_once_one_is_an_account(services, claim, sent):
    ids = [registration.begin(services, claim, None) for _ in range(2)]
    wait_until(lambda: len(sent) == 2)
    shelf = services.store.shelf(shelves.CODES)
    by_code = {}
    for _, code in sent:
        for id in ids:
            if passwords.is_right(shelf.find(id)["code"], code):
                by_code[id] = code
    assert registration.confirm(services, ids[0], by_code[ids[0]], PASSWORD)
    with pytest.raises(Conflict):
        registration.confirm(services, ids[1], by_code[ids[1]], PASSWORD)


@pytest.mark.parametrize("who", ["known", "unknown", "registered", "locked", "child"])
def test_as_much_is_done_for_anybody(services, store, monkeypatch, sent, who):
    number = f"350602{secrets.randbelow(10**11):011d}X"
    born = "2020-02-29" if who == "child" else "1990-01-31"
    if who != "unknown":
        identifier = [{"system": builders.ID_CARD, "value": number}]
        made = store(builders.patient(identifier=identifier, birthDate=born, telecom=PHONES))
    if who in ("registered", "locked"):
        account = accounts.add_bound(
            services, accounts.resident_login(number), "陈甲子", f"Patient/{made['id']}"
        )
    if who == "locked":
        accounts.shelf(services).change(account["id"], {"status": "locked"})
    hashes, hasher = [], passwords.hashed
    monkeypatch.setattr(passwords, "hashed", lambda code: hashes.append(code) or hasher(code))
    id = registration.begin(services, Claim(number, "陈甲子", born), None)
    assert len(hashes) == 1
    if who in ("known", "registered"):
        assert code_of(sent) == hashes[0]
        return
    assert registration.confirm(services, id, hashes[0], PASSWORD) is None
    assert sent == []


def test_a_forgotten_password_is_replaced_and_everybody_signed_out(services, resident, claim, sent):
    cookie = Sessions(services).begin(resident, ("pwd",))
    id = registration.begin(services, claim, None)
    code = code_of(sent)
    with pytest.raises(Unprocessable):
        registration.confirm(services, id, code, "short")
    assert Sessions(services).current(cookie)
    assert registration.confirm(services, id, code, "another horse 77-Q")["id"] == resident["id"]
    assert Sessions(services).current(cookie) is None
    login = resident["login"]
    assert accounts.authenticated(services, login, PASSWORD) is None
    assert accounts.authenticated(services, login, "another horse 77-Q")


def test_who_is_locked_out_meanwhile_gets_no_new_password(services, resident, claim, sent):
    id = registration.begin(services, claim, None)
    code = code_of(sent)
    staff.change(services, resident, "locked")
    with pytest.raises(Conflict):
        registration.confirm(services, id, code, "another horse 77-Q")


def test_whose_account_is_closed_may_register_once_more(services, resident, claim, sent):
    staff.change(services, resident, "closed")
    id = registration.begin(services, claim, None)
    account = registration.confirm(services, id, code_of(sent), PASSWORD)
    assert account["id"] != resident["id"]
    assert accounts.authenticated(services, account["login"], PASSWORD)


PHONES = [{"system": "phone", "value": "13800001111"}]


def test_a_channel_that_fails_is_not_noticed_by_who_asks(services, claim, monkeypatch):
    tried = []

    def failing(phone, code):
        tried.append(phone)
        raise OSError(phone)

    monkeypatch.setattr(senders, "_to_log", failing)
    assert registration.begin(services, claim, None)
    wait_until(lambda: tried)


def test_in_production_the_log_is_no_channel(services):
    settings = services.interpreters.settings
    production = dataclasses.replace(settings, mode="production", base_url="https://a.test/fhir")
    with pytest.raises(Unavailable):
        senders.chosen(production)
    with pytest.raises(Unavailable):
        senders.chosen(dataclasses.replace(production, code_sender="not-installed"))


@pytest.mark.parametrize("id", ["", "x", "\0", "$ne", "a" * 9999])
def test_there_is_no_registration_that_was_not_begun(services, id):
    assert registration.confirm(services, id, "123456", PASSWORD) is None
