"""Which resource each entry of a transaction is about, and which links mean it.

Spec: https://hl7.org/fhir/R4/http.html#trules, https://hl7.org/fhir/R4/bundle.html#references
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from urllib.parse import unquote

from server.access.visibility import Visibility
from server.context import Context
from server.fhir.outcome import BadRequest, PreconditionFailed, Unprocessable
from server.interactions import criteria
from server.interactions.criteria import Criteria
from server.interactions.entries import ALONE, Entry, placed
from server.interactions.residents import Resolution
from server.interactions.writing import new_id
from server.profiles import links
from server.store.documents import Version
from server.store.transactions import Transaction

_PLACEHOLDERS = re.compile(r"urn:(?:uuid|oid):[^&,|]+").findall
_RESTFUL = re.compile(r"(https?://.*/)([A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64})")


@dataclass(frozen=True, slots=True)
class Identity:
    """One resource. `found` is the version that fulfilled the entry's criteria."""

    type: str
    id: str
    found: Version | None = None

    @property
    def reference(self) -> str:
        """The reference to it."""
        return f"{self.type}/{self.id}"


@dataclass(frozen=True, slots=True)
class Identified:
    """One try's findings: the resource of each entry, by place, and of each conditional reference.

    An entry that is not there names nothing: a deletion of what is not there. `residents` are whom
    records are about.
    """

    entries: Mapping[int, Identity]
    references: Mapping[str, str]
    residents: Mapping[int, Resolution] = field(default_factory=dict)


class Identities:
    """Finds what the `entries` that write are about; ids of new resources stay over all tries.

    What is told apart by what it says itself is found as the server itself sees it: `seen`.
    """

    def __init__(
        self, context: Context, entries: Sequence[Entry], seen: Visibility | None = None
    ) -> None:
        self._context = context
        self._seen = seen or context.access.visibility
        self._entries = entries
        self._new = {one.place: new_id() for one in entries}
        self._criteria: dict[int, Criteria] = {}
        full_urls = frozenset(one.full_url for one in entries)
        for entry in entries:
            with placed(entry.place):
                _check_known(entry, full_urls)
                wanted = _criteria(context, entry)
            if wanted is not None:
                self._criteria[entry.place] = wanted
        self._references = dict(self._conditional())

    @property
    def claims(self) -> frozenset[str]:
        """The names under which writers with equal criteria exclude each other."""
        others = (one.claims for one in self._entries)
        return frozenset(one.claim for one in self._criteria.values()).union(*others)

    def find(self, transaction: Transaction) -> Identified:
        """Return what the entries are about, as `transaction` sees it.

        Raises PreconditionFailed if criteria match several resources, or a conditional reference
        none or several; BadRequest if two entries are about one resource.
        """
        found = self._found(transaction)
        known: dict[int, Identity] = {}
        first: dict[str, int] = {}
        for entry in self._entries:
            wanted = self._criteria.get(entry.place)
            if wanted is None:
                known[entry.place] = self._named(entry)
                continue
            if wanted.claim in first:
                # Of several with the same criteria, all are about what the first one is about.
                known[entry.place] = known[first[wanted.claim]]
                continue
            with placed(entry.place):
                match = _one(entry, found[entry.place])
            if match is not None:
                known[entry.place] = Identity(match.type, match.id, match)
            elif entry.call.interaction in ("create", "update"):
                known[entry.place] = self._named(entry)
            if entry.place in known:
                first[wanted.claim] = entry.place
        self._check_overlaps(known)
        texts = self._resolved(transaction, known, first)
        return Identified(known, texts)

    def _named(self, entry: Entry) -> Identity:
        given = entry.given_id if entry.call.interaction == "update" else None
        return Identity(entry.call.resource_type, entry.call.id or given or self._new[entry.place])

    def _found(self, transaction: Transaction) -> dict[int, list[Version]]:
        found: dict[int, list[Version]] = {}
        of_type: dict[tuple[str, bool], list[int]] = {}
        for entry in self._entries:
            if entry.place in self._criteria:
                key = entry.call.resource_type, entry.is_told_apart
                of_type.setdefault(key, []).append(entry.place)
        for type, is_told_apart in sorted(of_type):
            places = of_type[type, is_told_apart]
            conditions = [self._criteria[place].condition for place in places]
            asked = transaction.seen_by(self._seen) if is_told_apart else transaction
            found |= zip(places, asked.matching(type, conditions), strict=True)
        return found

    def _conditional(self) -> Iterator[tuple[str, tuple[int, str, Criteria]]]:
        """Yield each conditional reference, with where it stands and what it asks for."""
        for entry in self._entries:
            # What stands in a Bundle that is to be stored waits for that one to be done.
            if entry.place == ALONE or entry.call.type == "Bundle":
                continue
            for text in links.conditional(entry.call.body):
                type = text.partition("?")[0]
                with placed(entry.place):
                    if type not in self._context.interpreters.types:
                        raise Unprocessable.because("reference-type-unknown", value=text[:60])
                    yield (
                        text,
                        (entry.place, type, criteria.from_header(self._context, type, text)),
                    )

    def _resolved(
        self, transaction: Transaction, known: Mapping[int, Identity], first: Mapping[str, int]
    ) -> dict[str, str]:
        gone = {
            known[one.place].reference
            for one in self._entries
            if one.call.interaction == "delete" and one.place in known
        }
        resolved: dict[str, str] = {}
        for text, (place, type, wanted) in self._references.items():
            if wanted.claim in first:
                match = [known[first[wanted.claim]].reference]
            else:
                (found,) = transaction.matching(type, [wanted.condition])
                match = [f"{type}/{one.id}" for one in found]
            left = [one for one in match if one not in gone]
            if len(left) != 1:
                message = "reference-ambiguous" if left else "reference-unmatched"
                with placed(place):
                    raise PreconditionFailed.because(message, reference=text[:200])
            resolved[text] = left[0]
        return resolved

    def _check_overlaps(self, known: Mapping[int, Identity]) -> None:
        seen: dict[tuple[str, str], Entry] = {}
        for entry in self._entries:
            mine = known.get(entry.place)
            if mine is None:
                continue
            other = seen.setdefault((mine.type, mine.id), entry)
            both_are_creates = entry.call.interaction == other.call.interaction == "create"
            if other is not entry and not both_are_creates:
                with placed(entry.place):
                    raise BadRequest.because("entries-overlap", type=mine.type, id=mine.id)


def targets(
    entries: Iterable[Entry], identified: Identified
) -> Mapping[str | None, Mapping[str, str]]:
    """Return what links are to be replaced by, by the base that relative ones are read against.

    Under None are those for entries that have no such base.
    """
    whole: dict[str, str] = dict(identified.references)
    relative: dict[str, dict[str, str]] = {}
    for entry in entries:
        mine = identified.entries.get(entry.place)
        if mine is None or entry.full_url is None:
            continue
        if whole.setdefault(entry.full_url, mine.reference) != mine.reference:
            with placed(entry.place):
                raise BadRequest.because("full-url-repeated", url=entry.full_url[:200])
        if split := _RESTFUL.fullmatch(entry.full_url):
            relative.setdefault(split[1], {})[split[2]] = mine.reference
    return {None: whole, **{base: {**whole, **of_base} for base, of_base in relative.items()}}


def base_of(entry: Entry) -> str | None:
    """Return the base that relative references in `entry` are read against, None if it has none."""
    split = _RESTFUL.fullmatch(entry.full_url or "")
    return split[1] if split else None


def _check_known(entry: Entry, full_urls: Collection[str | None]) -> None:
    """Raise BadRequest if criteria ask for what is only known when it is stored.

    They would match nothing, so that the same Bundle sent again made the same once more.
    """
    values = [unquote(entry.call.criteria or ""), *(value for _, value in entry.call.query)]
    for link in chain.from_iterable(map(_PLACEHOLDERS, values)):
        if link in full_urls:
            raise BadRequest.because("criteria-with-link", url=link[:200])


def _criteria(context: Context, entry: Entry) -> Criteria | None:
    call = entry.call
    if entry.is_told_apart:
        return entry.same
    if call.interaction == "create":
        text = call.criteria
        return None if text is None else criteria.from_header(context, call.resource_type, text)
    return None if call.id else criteria.compiled(context, call.resource_type, call.query)


def _one(entry: Entry, found: Sequence[Version]) -> Version | None:
    if len(found) > 1:
        raise PreconditionFailed.because("criteria-not-selective", type=entry.call.type)
    return found[0] if found else None
