"""What the trail is told of a request and its answer, before that answer leaves.

Spec: 人口健康信息管理办法(试行) article 18 (R1.18), https://hl7.org/fhir/R4/security.html#audit
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from server.access import source
from server.access.caller import ANONYMOUS, Caller
from server.audit.event import Event, outcome, rest
from server.audit.request import Requests, unread
from server.fhir.outcome import FhirError
from server.interactions.call import Call, Result
from server.services import Interpreters


class Asked(msgspec.Struct, gc=False):
    """One request: its WSGI environment, its path below the base, and what could be made of it.

    `call` is None if it means nothing, `caller` if it is not known who makes it. `part` is which
    piece of its answer this is about, None if it has only one.
    """

    environ: Mapping[str, Any]
    path: str
    request_id: str
    call: Call | None
    caller: Caller | None
    part: int | None = None


def event(interpreters: Interpreters, asked: Asked, answer: Result | FhirError) -> Event:
    """Return the event of the request `asked`, which is given `answer` or was refused."""
    call = asked.call
    shown = answer.disclosed if isinstance(answer, Result) else ()
    # Who asked in vain has asked for this nevertheless.
    type = call and (call.owner or call.type)
    target = f"{type}/{call.id}" if call and type and call.id and not shown else None
    return Event(
        act=rest(answer.interaction or (call.interaction if call else "none")),
        caller=asked.caller or ANONYMOUS,
        outcome=outcome(answer.status),
        reason=_reason(answer) if isinstance(answer, FhirError) else None,
        address=source.address(asked.environ, interpreters.settings.trusted_proxies),
        request=_text(interpreters.requests, asked),
        shown=shown,
        concerned=answer.concerned if target is None else (target, *answer.concerned),
        facts=answer.facts if isinstance(answer, Result) else (),
    )


def _reason(error: FhirError) -> str:
    return f"{error.status} {error.issues[0].message}" if error.issues else str(error.status)


def _text(requests: Requests, asked: Asked) -> str:
    environ, call = asked.environ, asked.call
    path = asked.path if call else unread(asked.path)
    line = f"{environ['REQUEST_METHOD'][:20]} {path}"
    headers = [("User-Agent", environ.get("HTTP_USER_AGENT")), ("X-Request-Id", asked.request_id)]
    if call is not None and call.criteria is not None:
        criteria = parse_qsl(call.criteria[:4000], keep_blank_values=True)
        headers.append(("If-None-Exist", requests.text("", criteria)))
    if asked.part is not None:
        headers.append(("Part", str(asked.part)))
    return requests.text(line, call.query if call else (), headers)
