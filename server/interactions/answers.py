"""The answer to a batch or transaction, entry by entry.

Spec: https://hl7.org/fhir/R4/http.html#transaction-response
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from operator import itemgetter
from threading import Lock
from typing import Any

from server.audit import failures
from server.context import Context
from server.fhir import json
from server.fhir.outcome import FhirError, Issue, TooLarge, Unavailable, operation_outcome
from server.interactions.call import Call, Disclosed, Result
from server.interactions.entries import Entry, placed

Answer = Result | FhirError
Perform = Callable[[Context, Call], Result]
"""Does one request: the door."""
_MOST_READ = 64_000_000
"""How many bytes the entries of one Bundle read before the rest has to come with another."""
_STATUS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Answers:
    """What became of each entry, by its place; `reads` are the places of those that only read.

    `asked` are references to what single entries are about. `more` are versions that were written
    beside what the entries write.
    """

    type: str
    by_place: Mapping[int, Answer]
    reads: frozenset[int]
    asked: Mapping[int, str]
    more: tuple[Disclosed, ...] = ()

    def result(self, context: Context) -> Result:
        """Return the answer to the whole."""
        whole = self._bundle(context, self.by_place)
        unread = None
        if self.reads:
            lost = Unavailable.because("entry-read-again")
            kept = dict.fromkeys(self.reads, lost)
            unread = self._bundle(context, {**self.by_place, **kept})
        return Result(
            status=200,
            body=whole,
            disclosed=tuple(self._disclosed()),
            interaction=self.type,
            unread=unread,
            concerned=tuple(self._asked_in_vain()),
        )

    def _bundle(self, context: Context, by_place: Mapping[int, Answer]) -> bytes:
        answers = sorted(by_place.items(), key=lambda one: one[0])
        entries = b",".join(
            _entry(context, one, is_read=place in self.reads) for place, one in answers
        )
        head = b'{"resourceType":"Bundle","type":"%b-response"' % self.type.encode()
        return b'%b,"entry":[%b]}' % (head, entries) if entries else head + b"}"

    def _disclosed(self) -> dict[Disclosed, None]:
        told = (one for one in self.by_place.values() if isinstance(one, Result))
        return dict.fromkeys((*(shown for one in told for shown in one.disclosed), *self.more))

    def _asked_in_vain(self) -> dict[str, None]:
        refused = (
            place
            for place, one in sorted(self.by_place.items(), key=itemgetter(0))
            if one.status >= HTTPStatus.BAD_REQUEST
        )
        return dict.fromkeys(self.asked[place] for place in refused if place in self.asked)


class Room:
    """Does the entries of one Bundle, as long as there is room for what they read."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._read = 0

    def attempted(self, context: Context, entry: Entry, perform: Perform) -> Answer:
        """Return the answer to `entry` alone, or its refusal, as `attempted` does."""
        if not entry.is_read:
            return attempted(context, entry, perform)
        if self._read >= _MOST_READ:
            limit = _MOST_READ // 1_000_000
            here = f"Bundle.entry[{entry.place}]"
            return TooLarge.because("entry-without-room", here, limit=limit)
        answer = attempted(context, entry, perform)
        if isinstance(answer, Result):
            with self._lock:
                self._read += len(answer.body)
        return answer


def attempted(context: Context, entry: Entry, perform: Perform) -> Answer:
    """Return the answer to `entry` alone, or its refusal; what others have done must be told."""
    try:
        with placed(entry.place):
            result = perform(context, entry.call)
    except FhirError as refusal:
        if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            failures.record(refusal.__cause__ or refusal)
        return refusal
    except Exception as error:  # noqa: BLE001  # whatever it is, it is this entry's answer
        failures.record(error)
        return FhirError(
            Issue("exception", "server-failed", expression=f"Bundle.entry[{entry.place}]")
        )
    return replace(result, body=b"") if entry.method == "HEAD" else result


def _entry(context: Context, answer: Answer, *, is_read: bool) -> bytes:
    response: dict[str, Any] = {"status": _STATUS[answer.status]}
    issues: Sequence[Issue] = answer.issues
    entry: dict[str, Any] = {}
    if isinstance(answer, Result):
        location = answer.location or (None if is_read else _location(answer))
        if location is not None:
            response["location"] = f"{context.interpreters.settings.base_url}/{location}"
        if answer.version is not None:
            response["etag"] = f'W/"{answer.version}"'
        if answer.last_updated is not None:
            zone = context.interpreters.zone
            response["lastModified"] = json.instant(answer.last_updated, zone)
        if answer.body:
            entry["resource"] = json.fragment(answer.body)
    if issues:
        response["outcome"] = operation_outcome(issues, context.language)
    return json.dumps({**entry, "response": response})


def _location(answer: Result) -> str | None:
    """Return where a write has put, or found, its resource, which nothing else may tell."""
    if answer.status == HTTPStatus.NO_CONTENT or len(answer.disclosed) != 1:
        return None
    (one,) = answer.disclosed
    return f"{one.type}/{one.id}/_history/{one.version}"
