"""The words of an offer: what a person reads before they agree, and what is kept of it.

Spec: 个人信息保护法 articles 14, 17, 23, 30, http://www.npc.gov.cn/npc/c30834/202108/t20210820_313088.html
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

import orjson

from server.access import categories
from server.auth.offer import WILDCARD, Offer
from server.content import PROFILES
from server.fhir.messages import Language, text

LASTING = timedelta(days=180)
SESSION = timedelta(hours=8)
ONCE = timedelta(hours=1)
_PERIODS = {
    "offline_access": ("consent-period-offline", LASTING),
    "online_access": ("consent-period-online", SESSION),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """The words in one language.

    `facts` are who wants what, why and for how long; what can be agreed to is by name: `ticks` are
    kinds of data, `more` what else, `sensitive` what has to be agreed to separately.
    """

    facts: Mapping[str, str]
    ticks: Mapping[str, str]
    more: Mapping[str, str]
    sensitive: Mapping[str, str]

    @property
    def lines(self) -> list[str]:
        """All that is said, in its order."""
        agreed = (self.ticks, self.more, self.sensitive)
        return [*self.facts.values(), *(text for one in agreed for text in one.values())]

    @property
    def digest(self) -> str:
        """The SHA-256 of all that is said."""
        return sha256(orjson.dumps(self.lines)).hexdigest()

    @property
    def basis(self) -> str:
        """The SHA-256 of what is said whatever the client asks for, which has not to change."""
        return sha256(orjson.dumps(list(self.facts.values()))).hexdigest()


def of(offer: Offer, language: Language) -> Terms:
    """Return the words of `offer`."""
    return Terms(
        dict(_facts(offer, language)),
        dict(_ticks(offer, language)),
        {word: text(_WORDS[word], language, {"days": LASTING.days}) for word in offer.words},
        {
            f"sensitive.{one}": categories.load(PROFILES).sensitive[one][language]
            for one in offer.sensitive
        },
    )


def period(words: Collection[str]) -> timedelta:
    """Return how long an authorisation with these words lasts."""
    for word, (_, lasts) in _PERIODS.items():
        if word in words:
            return lasts
    return ONCE


def _facts(offer: Offer, language: Language) -> Iterator[tuple[str, str]]:
    client = offer.client
    yield "who", text("consent-who", language, {"app": client["name"]})
    recipient = client.get("legal_name") or (client.get("organization") or {}).get("name")
    yield "recipient", text("consent-recipient", language, {"name": recipient or "—"})
    contacts = "、".join(str(one) for one in client.get("contacts") or ()) or "—"
    yield "contact", text("consent-contact", language, {"contact": contacts})
    yield "why", text("consent-why", language, {"purpose": _purpose(client, language)})
    yield "period", text(_period(offer), language, {"days": LASTING.days})
    if client.get("retention_days"):
        days = {"days": client["retention_days"]}
        yield "retention", text("consent-retention", language, days)
    yield "withdraw", text("consent-withdraw", language, {})
    if offer.kind == "staff":
        yield "staff", text("consent-staff", language, {})


def _ticks(offer: Offer, language: Language) -> Iterator[tuple[str, str]]:
    names = categories.load(PROFILES).names
    for unit in offer.units:
        what = names[unit.category][language]
        yield unit.name, text(_SOME[unit.mode], language, {"what": what})
    for mode in offer.wildcards:
        yield f"{WILDCARD}.{mode}", text(_ALL[mode], language, {})


_SOME = {"see": "consent-see", "change": "consent-change"}
_ALL = {"see": "consent-all-see", "change": "consent-all-change"}
_WORDS = {
    "identity": "consent-identity",
    "offline_access": "consent-offline",
    "online_access": "consent-online",
}


def _period(offer: Offer) -> str:
    for word, (key, _) in _PERIODS.items():
        if word in offer.words:
            return key
    return "consent-period-once"


def _purpose(client: Mapping[str, Any], language: Language) -> str:
    said = client.get("purpose") or {}
    return str(said.get(language) or said.get("zh") or said.get("en") or "—")
