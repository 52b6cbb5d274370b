"""Registering as a resident: a claim, a code to the telephone in the record, a password.

Who has an account and has forgotten the password gets a new one the same way. Whoever asks hears
the same, as fast, whether there is such a person, or such an account, or not.

Spec: 人口健康信息管理办法(试行) article 18 (R1.18), https://pages.nist.gov/800-63-4/sp800-63a.html
"""

import logging
from datetime import UTC, date, datetime, timedelta
from secrets import randbelow, token_urlsafe
from threading import Thread

from server.access.caller import Caller
from server.fhir.json import Resource
from server.fhir.outcome import Conflict
from server.identity import accounts, bonds, known, passwords, people, real_name, senders, shelves
from server.identity.real_name import Asker, Claim
from server.identity.senders import Sender
from server.identity.sessions import Sessions
from server.identity.throttle import Throttle
from server.services import Services
from server.store.shelf import Record

LASTS = timedelta(minutes=5)
TRIES = 5
_log = logging.getLogger("tongkang.code")


def begin(services: Services, claim: Claim, address: str | None) -> str:
    """Send a code to who is described, if anybody is; return the name of this registration.

    Children do not register: their guardians act for them. Raises Unavailable if there is no
    channel for codes.
    """
    send = senders.chosen(services.interpreters.settings)
    asker = Asker(Caller(kind="system", purpose="HSYSADMIN"), address)
    patient = real_name.find(services, claim, asker)
    reference = f"Patient/{patient['id']}" if patient else ""
    login = accounts.resident_login(claim.number)
    there = accounts.shelf(services).first({"login": login})
    is_sent = patient is not None and _may(services, there, reference, claim)
    code = f"{randbelow(1_000_000):06}"
    record = {
        "login": login,
        "name": claim.name if is_sent else "",
        "patient": reference if is_sent else "",
        "account": there["id"] if there and is_sent else "",
        "code": passwords.hashed(code),
        "tries": 0,
        "expires_at": datetime.now(UTC) + LASTS,
    }
    id = token_urlsafe(24)
    services.store.shelf(shelves.CODES).add(id, record)
    if is_sent and patient is not None:
        _send(send, patient, code)
    return id


def confirm(services: Services, id: str, code: str, password: str) -> Record | None:
    """Return the account of who has the `code` of the registration `id`, else None.

    It is as it was before: one that is new has no password in it, one that was forgotten has the
    old one. Raises Unprocessable if the password is not good enough, Conflict if somebody was
    faster.
    """
    shelf = services.store.shelf(shelves.CODES)
    record = shelf.find(id)
    if record is None:
        return None
    # Of several that try at the same time one is heard: what was used up is not begun anew.
    tries = {"tries": record["tries"]}
    if record["tries"] >= TRIES or shelf.change(id, {"tries": record["tries"] + 1}, tries) is None:
        return None
    if not passwords.is_right(record["code"], code.strip()) or not record["patient"]:
        return None
    described = {"kind": "resident", "name": record["name"], "person": record["patient"]}
    passwords.require_good(password, known.of(services, described))
    if shelf.take(id) is None:
        raise Conflict.because("account-exists")
    return _renewed(services, record, password) or _made(services, record, password)


def _renewed(services: Services, record: Record, password: str) -> Record | None:
    """Give the account that `record` is about a new password, and sign everybody else out."""
    account = accounts.shelf(services).find(record["account"]) if record["account"] else None
    if account is None:
        return None
    if not accounts.is_in_use(account, services.interpreters.settings):
        raise Conflict.because("account-exists")
    _keep_password(services, account, password)
    Sessions(services).end_all(account["id"])
    Throttle(services).forget("login", account["login"])
    return account


def _made(services: Services, record: Record, password: str) -> Record:
    account = accounts.add_bound(services, record["login"], record["name"], record["patient"])
    _keep_password(services, account, password)
    bonds.take_up(services, account)
    return account


def _keep_password(services: Services, account: Record, password: str) -> None:
    accounts.shelf(services).change(account["id"], {"password": passwords.hashed(password)})


def _may(services: Services, account: Record | None, patient: str, claim: Claim) -> bool:
    """Tell whether a code is sent to `patient`: for an account, or for its password."""
    if is_child(services, claim.born):
        return False
    if account is None:
        return True
    is_in_use = accounts.is_in_use(account, services.interpreters.settings)
    return is_in_use and account["person"] == patient


def is_child(services: Services, born: str) -> bool:
    """Tell whether somebody `born` then is a child still, for whom a guardian acts."""
    return people.age(date.fromisoformat(born), services.interpreters.zone) < people.OF_AGE


def _send(send: Sender, patient: Resource, code: str) -> None:
    """Send the code beside the answer, which must not take longer for who is in the records."""
    phone = next(iter(known.phones(patient)), None)

    def sent() -> None:
        try:
            send(str(phone), code)
        except Exception as error:  # noqa: BLE001  # of a package that is plugged in
            # Its text may hold the number.
            _log.error("a one-time code was not sent", extra={"error": type(error).__name__})

    if phone is not None:
        Thread(target=sent, daemon=True).start()
