"""What a person who is signed in may do, without any app between.

Spec: 人口健康信息管理办法(试行) articles 14, 15 (R1.14, R1.15); https://hl7.org/fhir/R4/security.html
"""

from server.access.caller import NOBODY, Caller, Party
from server.access.policy import Access, Region, Right, Rights
from server.access.scopes import LETTERS
from server.content import TERMINOLOGY
from server.identity import emergency, people
from server.identity.sessions import Session
from server.search import sensitivity
from server.services import Services
from server.store.shelf import Record

PORTAL = Party("portal", "通康 Tongkang")


def of(services: Services, session: Session, purpose: str | None = None) -> Access:
    """Return the access of the person of `session`, for `purpose`, a code of v3-PurposeOfUse.

    Residents see their own record and those of who they act for, sensitive data included; staff
    what their role, division and unit give.
    """
    account = session.account
    if account["kind"] == "resident":
        right = Right("*", frozenset(LETTERS), (), people.persons(services, account))
        caller = caller_of(account, purpose or "PATRQT")
        return services.access(Rights(caller=caller, rights=(right,)))
    return services.access(
        Rights(
            caller=caller_of(account, purpose or "TREAT"),
            rights=tuple(Right(type, frozenset(LETTERS)) for type in ("*", *_NAMED)),
            region=region_of(account),
            withheld=frozenset(sensitivity.declared(TERMINOLOGY)),
            lifted=emergency.in_force(services, account),
        )
    )


# Types that * does not mean; the role says whether there is any right to them.
_NAMED = ("AuditEvent", "Task")


def caller_of(account: Record, purpose: str, client: Party = PORTAL) -> Caller:
    """Return who calls when the person of `account` does, through the software `client`."""
    is_staff = account["kind"] == "staff"
    return Caller(
        kind="staff" if is_staff else "resident",
        account=account["id"],
        person=Party(account.get("person"), account["name"]),
        organization=party(account.get("organization")),
        division=account.get("division"),
        role=account.get("role") if is_staff else None,
        client=client,
        purpose=purpose,
    )


def about_account(account: Record) -> Caller:
    """Return who calls when somebody signs in or out, or changes their own account."""
    return caller_of(account, "PATRQT" if account["kind"] == "resident" else "HSYSADMIN")


def region_of(account: Record) -> Region:
    """Return what a member of staff sees by place: their division, and what their unit made."""
    organization = party(account.get("organization")).reference
    return Region(
        divisions=(account["division"],) if account.get("division") else (),
        organizations=(organization,) if organization else (),
    )


def party(value: Record | None) -> Party:
    """Return the party that a record of ``{reference, name}`` names."""
    return NOBODY if not value else Party(value.get("reference"), value.get("name"))
