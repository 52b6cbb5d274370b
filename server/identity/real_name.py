"""Real-name registration of residents: who they say they are is compared with their record.

ID number, name and date of birth have to be those of one Patient; then a code goes to the telephone
that stands in the record. Whoever asks hears the same, whether there is such a person or not.

Spec: 人口健康信息管理办法(试行) article 18 (R1.18), https://pages.nist.gov/800-63-4/sp800-63a.html
"""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from secrets import randbelow, token_urlsafe
from typing import Any

import orjson

from server.access.caller import Caller
from server.context import Context
from server.fhir.json import Resource
from server.fhir.outcome import Conflict
from server.identity import accounts, internal, passwords, senders, shelves
from server.interactions.call import Call
from server.interactions.door import perform
from server.services import Services
from server.store.shelf import Record

ID_NUMBER = "urn:oid:2.16.156.10011.1.3"
LASTS = timedelta(minutes=5)
TRIES = 5
_NUMBER = re.compile(r"[1-9][0-9]{16}[0-9X]|[1-9][0-9]{14}")


def normal(number: str) -> str:
    """Return an ID number as it is stored: half-width, without spaces, capital X."""
    return unicodedata.normalize("NFKC", number).replace(" ", "").upper()


def is_number(number: str) -> bool:
    """Tell whether `number`, in its normal form, is formed like an ID number."""
    return _NUMBER.fullmatch(number) is not None


def find(services: Services, number: str, name: str, born: str) -> Resource | None:
    """Return the one Patient with this ID number, if name and date of birth are theirs.

    `born` is ``YYYY-MM-DD``.
    """
    access = internal.finder(services, Caller(kind="system", purpose="HSYSADMIN"))
    query = (("identifier", f"{ID_NUMBER}|{number}"), ("_count", "2"))
    context = Context.of(services, access, services.interpreters.settings.language)
    call = Call(interaction="search-type", type="Patient", query=query)
    bundle: dict[str, Any] = orjson.loads(perform(context, call).body)
    found = [entry["resource"] for entry in bundle.get("entry", ())]
    if (
        len(found) != 1
        or found[0].get("birthDate") != born
        or name_key(name) not in _names(found[0])
    ):
        return None
    patient: Resource = found[0]
    return patient


def begin(services: Services, number: str, name: str, born: str) -> str:
    """Send a code to who is so described, if anybody is; return the name of this registration."""
    send = senders.chosen(services.interpreters.settings)
    patient = find(services, number, name, born)
    known = accounts.shelf(services).first({"login": accounts.resident_login(number)})
    code = f"{randbelow(1_000_000):06}"
    is_new = patient is not None and known is None
    record = {
        "number": accounts.resident_login(number),
        "name": name if is_new else "",
        "patient": f"Patient/{patient['id']}" if is_new and patient else "",
        "code": passwords.hashed(code),
        "tries": 0,
        "expires_at": datetime.now(UTC) + LASTS,
    }
    id = token_urlsafe(24)
    services.store.shelf(shelves.CODES).add(id, record)
    if is_new and patient is not None and (phone := _phone(patient)):
        send(phone, code)
    return id


def confirm(services: Services, id: str, code: str, password: str) -> Record | None:
    """Return the new account of who has the `code` of the registration `id`, else None.

    Raises Unprocessable if the password is not good enough, Conflict if there is an account.
    """
    shelf = services.store.shelf(shelves.CODES)
    record = shelf.find(id)
    if record is None:
        return None
    tried = shelf.increase(id, "tries", {"expires_at": record["expires_at"]})
    is_right = passwords.is_right(record["code"], code.strip())
    if tried["tries"] > TRIES or not is_right or not record["patient"]:
        return None
    passwords.require_good(password, (record["name"],))
    if shelf.take(id) is None:
        raise Conflict.because("account-exists")
    account = accounts.add_bound(services, record["number"], record["name"], record["patient"])
    accounts.set_password(services, account, password)
    return account


def name_key(name: str) -> str:
    """Return `name` as names are compared: width, case and white space do not count."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(letter for letter in folded if not letter.isspace() and letter not in "·•.")


def _names(patient: Resource) -> set[str]:
    found = set[str]()
    for name in patient.get("name", ()):
        parts = name.get("family", "") + "".join(name.get("given", ()))
        found |= {name_key(name.get("text", "")), name_key(parts)}
    return {one for one in found if one}


def _phone(patient: Resource) -> str | None:
    phones = [one for one in patient.get("telecom", ()) if one.get("system") in ("phone", "sms")]
    first = next((one for one in phones if one.get("use") == "mobile"), phones[0] if phones else {})
    return first.get("value")


def same(one: str, other: str) -> bool:
    """Tell whether two texts are equal, in a time that does not say where they differ."""
    return compare_digest(one.encode(), other.encode())
