"""Authorisations: what a person granted to a client, and when it ends.

Spec: 个人信息保护法 articles 14–16, http://www.npc.gov.cn/npc/c30834/202108/t20210820_313088.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex

from server.access import scopes
from server.access.scopes import Scopes
from server.auth import clients, shelves, terms
from server.auth.terms import Terms
from server.auth.tokens import Tokens
from server.identity import accounts, people
from server.identity import shelves as identity
from server.identity.sessions import Sessions
from server.services import Services
from server.store.shelf import Record

ACTIVE, REVOKED = "active", "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the person of `account` decided on what `client` asked for.

    `patient` (``Patient/a``) is whose data it is about; `session` the id of the session that an
    authorisation with ``online_access`` ends with, `language` that of the words they read.
    """

    client: Record
    account: Record
    asked: Scopes
    scope: Scopes
    patient: str | None
    labels: Sequence[str]
    terms: Terms
    language: str
    session: str


def new(decision: Decision) -> Record:
    """Return the record of the authorisation that `decision` gives, which is not kept yet."""
    now = datetime.now(UTC)
    return {
        "id": token_hex(16),
        "client": decision.client["id"],
        "account": decision.account["id"],
        "person": decision.account.get("person"),
        "patient": decision.patient,
        "asked": decision.asked.text,
        "scope": decision.scope.text,
        "labels": list(decision.labels),
        "purpose": "PATRQT" if decision.account["kind"] == "resident" else "TREAT",
        "text_digest": decision.terms.digest,
        "basis": decision.terms.basis,
        "language": decision.language,
        "consent": None,
        "status": ACTIVE,
        "session": decision.session if _ends_with_session(decision.scope) else None,
        "created": now,
        "expires_at": now + terms.period(decision.scope.words),
    }


def _ends_with_session(scope: Scopes) -> bool:
    return "online_access" in scope and "offline_access" not in scope


def keep(services: Services, grant: Record, lines: Sequence[str]) -> None:
    """Keep an authorisation, and the receipt of what was said, which is never changed."""
    record = {name: value for name, value in grant.items() if name != "id"}
    receipt = {name: record[name] for name in _RECEIPT}
    services.store.shelf(shelves.RECEIPTS).add(
        grant["id"], {**receipt, "until": grant["expires_at"], "lines": list(lines)}
    )
    services.store.shelf(shelves.GRANTS).add(grant["id"], record)


_RECEIPT = (
    "client",
    "account",
    "person",
    "patient",
    "asked",
    "scope",
    "labels",
    "purpose",
    "text_digest",
    "language",
    "consent",
    "created",
)


def standing(services: Services, asked: Scopes, whose: Mapping[str, str], basis: str) -> Record:
    """Return the authorisation by which `asked` need not be asked again, empty if there is none.

    `whose` are its client and account, and the session; what was said (`basis`) has to be
    the same still.
    """
    where = {"client": whose["client"], "account": whose["account"], "status": ACTIVE}
    for grant in services.store.shelf(shelves.GRANTS).all(where, newest="created"):
        in_session = grant["session"] in (None, whose["session"])
        was_asked = scopes.parse(grant.get("asked") or "")
        if in_session and grant.get("basis") == basis and was_asked.cover(asked):
            return grant
    return {}


def alive(services: Services, id: str) -> tuple[Record, Record] | None:
    """Return a person's authorisation and their account, None if either is in force no more.

    It is the one rule of that, for codes, tokens and whoever asks about them: the bond to the
    person that it is about has to be there still, too.
    """
    grant = in_force(services, id)
    if grant is None:
        return None
    account = services.store.shelf(identity.ACCOUNTS).find(grant["account"] or "")
    if account is None or not accounts.is_in_use(account, services.interpreters.settings):
        return None
    if account["kind"] == "resident" and grant["patient"] is not None:
        return (grant, account) if grant["patient"] in people.persons(services, account) else None
    return grant, account


def in_force(services: Services, id: str) -> Record | None:
    """Return an authorisation that has not ended, a person's or a system's."""
    grant = services.store.shelf(shelves.GRANTS).find(id)
    if grant is None or grant["status"] != ACTIVE or not clients.is_fit(grant, services):
        return None
    return grant if _in_session(services, grant) else None


def _in_session(services: Services, grant: Mapping[str, object]) -> bool:
    """Tell whether the session that an authorisation depends on goes on, if it depends on one."""
    session = grant.get("session")
    if session is None:
        return True
    return Sessions(services).is_alive(str(session))


def end(services: Services, id: str) -> Record | None:
    """End an authorisation and all its tokens at once; return it, None if it had ended."""
    shelf = services.store.shelf(shelves.GRANTS)
    found = shelf.change(id, {"status": REVOKED, "revoked": datetime.now(UTC)}, {"status": ACTIVE})
    Tokens.of(services).revoke_all("grant", id)
    return found


def end_session(services: Services, session: str) -> None:
    """End what depends on a session that has ended; to be called when a person signs out."""
    for grant in services.store.shelf(shelves.GRANTS).all({"session": session}):
        end(services, grant["id"])
