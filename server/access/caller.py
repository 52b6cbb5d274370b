"""Who is calling: the person or system behind a request, as the trail names them.

Whoever reads or writes is known by real name: 人口健康信息管理办法(试行) article 18 (R1.18).
"""

from typing import Literal

import msgspec

Kind = Literal["anonymous", "resident", "staff", "system"]


class Party(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody with a reference and a name, such as ``Organization/a``; either may be unknown."""

    reference: str | None = None
    name: str | None = None


NOBODY = Party()


class Caller(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, cache_hash=True):
    """One caller. `account` is the id of a person's account, None for a system.

    `person` is who acts, by real name: a Patient, RelatedPerson or Practitioner. `organization`
    is the unit that they act for, `division` the code of its administrative division (GB/T 2260,
    GB/T 10114). `client` is the software: its client id and name. `purpose` is a code of
    v3-PurposeOfUse; `grant` the id of the authorisation that the rights come from.
    """

    kind: Kind
    account: str | None = None
    person: Party = NOBODY
    organization: Party = NOBODY
    division: str | None = None
    role: str | None = None
    client: Party = NOBODY
    purpose: str = "TREAT"
    grant: str | None = None


ANONYMOUS = Caller(kind="anonymous")
"""Whoever calls a server that asks nobody who they are."""
