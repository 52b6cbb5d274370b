"""The criteria of a conditional interaction: a search that has to name one resource.

Spec: https://hl7.org/fhir/R4/http.html#cond-update
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

from server.context import Context
from server.fhir.outcome import BadRequest, PreconditionFailed
from server.interactions.patience import Patience
from server.interactions.presentation import LAYOUT
from server.store.documents import Version


@dataclass(frozen=True, slots=True)
class Criteria:
    """What to look for, and the name under which writers with equal criteria exclude each other."""

    condition: Mapping[str, Any]
    claim: str


def compiled(context: Context, type: str, parameters: Sequence[tuple[str, str]]) -> Criteria:
    """Return the criteria in `parameters`; how the answer is laid out is not among them.

    Raises BadRequest if there are none, or one that is not known: ignoring it would match
    resources that were not meant; Forbidden if the caller may not search, for the answer tells
    whether there is one.
    """
    context.access.require_letter("s", type)
    asked = [pair for pair in parameters if pair[0] not in LAYOUT]
    query = context.interpreters.queries.compile(type, asked, sight=context.sight)
    if query.keys:
        raise BadRequest.because("parameter-unknown-here", name="_sort")
    if not query.condition:
        raise BadRequest.because("criteria-missing")
    condition = context.interpreters.queries.exact(query, Patience(context.resources))
    spelled = "&".join(sorted(f"{name}={value}" for name, value in asked))
    claim = sha256(f"{type}?{spelled}".encode()).hexdigest()
    return Criteria(condition, claim)


def from_header(context: Context, type: str, text: str) -> Criteria:
    """Return the criteria in `text`, the value of If-None-Exist, with or without ``Type?``."""
    criteria = text.removeprefix(f"{type}?").removeprefix("?")
    try:
        parameters = parse_qsl(
            criteria, keep_blank_values=True, strict_parsing=True, errors="strict"
        )
    except ValueError:
        raise BadRequest.because("criteria-malformed") from None
    return compiled(context, type, parameters)


def matched(context: Context, type: str, criteria: Criteria) -> Version | None:
    """Return the one resource that fulfils `criteria`, or None.

    Raises PreconditionFailed if there are several.
    """
    found = context.resources.matching(type, criteria.condition, limit=2)
    if len(found) > 1:
        raise PreconditionFailed.because("criteria-not-selective", type=type)
    return found[0] if found else None
