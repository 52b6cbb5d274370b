"""Real tokens: the fixture world's tokens written down as a server's own records.

Each becomes a client, a grant, a person's account and bonds where there is a person, and an opaque
token, on the same shelves and by the same code as those that a registration and a consent make.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from secrets import token_hex

from server.auth import shelves
from server.auth.tokens import Issue, Tokens
from server.identity import shelves as identity
from server.services import Interpreters, Services
from server.settings import Settings
from tests.security.access.tokens import SENSITIVE, TOKENS, Token
from tests.security.access.world import BASE

STAFF = {"clinician", "registrar", "quality", "auditor", "security", "administrator"}


def services(mongodb_url: str, database: str) -> Services:
    """Return services on `database`, of a process beside the servers'."""
    settings = Settings(mongodb_url=mongodb_url, database=database, base_url=BASE)
    return Services.open(Interpreters.of(settings), lambda: b"")


def real(token: Token) -> Token | None:
    """Return `token` as an account can be, None if none can: staff always have a place."""
    if token.lifted:
        return None
    if token.role not in STAFF:
        return token
    unit = (token.organization,) if token.organization else token.organizations
    places = (token.divisions or ())[:1]
    division = token.division or next(iter(places), None)
    return replace(
        token,
        name=f"{token.name}-real",
        divisions=(division,) if division else (),
        division=division,
        organization=next(iter(unit), None),
        organizations=unit,
    )


REAL = {token.name: token for one in TOKENS if (token := real(one)) is not None}
"""The tokens that there can really be."""


class Issuer:
    """Issues real tokens, and ends them."""

    def __init__(self, known: Services) -> None:
        self.services = known
        self.tokens = Tokens(known.store.shelf(shelves.TOKENS), known.trail.bump)

    def issue(self, token: Token, **context: object) -> tuple[str, str]:
        """Return the Authorization header of a new token, and the name of all its records."""
        name, now = token_hex(8), datetime.now(UTC)
        shelf = self.services.store.shelf
        shelf(shelves.CLIENTS).add(name, self._client(token, now))
        account = None if token.role == "system" else self._account(token, name, now)
        first = (token.about or ("",))[0].partition("/")[2]
        patient = {"patient": first} if first and token.role == "resident" else {}
        # Of no one patient, so that it is about all whom the person may act for.
        grant = {
            "client": name, "account": account, "patient": None, "scope": token.scope,
            "labels": [one for one in SENSITIVE if one not in token.withheld], "status": "active",
            "created": now, "expires_at": now + timedelta(hours=1),
        }  # fmt: skip
        shelf(shelves.GRANTS).add(name, grant)
        issue = Issue(
            grant=name, client=name, account=account, scope=token.scope, context=patient | context
        )
        return f"Bearer {self.tokens.access(issue)}", name

    def _client(self, token: Token, now: datetime) -> dict[str, object]:
        region = {"divisions": [*(token.divisions or ())], "organizations": [*token.organizations]}
        masks = {
            type: {"hidden": [*hidden], "masked": [*masked]}
            for type, (hidden, masked) in token.masks.items()
        }
        unit = {"reference": token.organization, "name": "x"} if token.organization else None
        return {
            "name": token.name, "kind": "backend" if token.role == "system" else "app",
            "status": "approved", "created": now, "redirect_uris": [], "grant_types": [],
            "auth_method": "none", "scope": token.scope, "masks": masks, "organization": unit,
            "division": token.division, "region": region if token.limited else None,
        }  # fmt: skip

    def _account(self, token: Token, name: str, now: datetime) -> str:
        shelf = self.services.store.shelf
        record = {"name": "某人", "status": "active", "created": now, "login": name}
        if token.role in STAFF:
            unit = {"reference": token.organization, "name": "x"} if token.organization else None
            record |= {"kind": "staff", "role": token.role, "division": token.division,
                       "organization": unit, "person": "Practitioner/pr-1"}  # fmt: skip
        else:
            mine, *others = token.about or ("Patient/nobody",)
            is_child = mine == "Patient/c"
            record |= {"kind": "resident", "person": "Patient/a" if is_child else mine}
            for patient in [mine] if is_child else others:
                bond = {"account": name, "patient": patient, "relation": "guardian",
                        "born": f"{now.year - 8}-06-01"}  # fmt: skip
                shelf(identity.BONDS).add(f"{name}-{patient}", bond)
        shelf(identity.ACCOUNTS).add(name, record)
        return name
