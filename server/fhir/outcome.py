"""Refusals, and the OperationOutcome that tells a caller about them.

Spec: https://hl7.org/fhir/R4/operationoutcome.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from server.fhir.messages import TAGS, Language, text

MESSAGE_SYSTEM = "urn:tongkang:message"


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing to say: `code` is FHIR's IssueType, `message` a key of ``messages/*.toml``.

    `expression` is the FHIRPath of the element at fault, such as
    ``Patient.name[0].given``.
    """

    code: str
    message: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    expression: str | None = None
    severity: str = "error"

    def text(self, language: Language) -> str:
        """Return what this issue says, in `language`."""
        return text(self.message, language, self.arguments)

    def as_fhir(self, language: Language) -> dict[str, Any]:
        """Return the ``OperationOutcome.issue`` for this issue."""
        issue: dict[str, Any] = {
            "severity": self.severity,
            "code": self.code,
            "details": {
                "coding": [{"system": MESSAGE_SYSTEM, "code": self.message}],
                "text": self.text(language),
            },
        }
        if self.expression is not None:
            issue["expression"] = [self.expression]
        return issue


def operation_outcome(issues: Iterable[Issue], language: Language) -> dict[str, Any]:
    """Return an OperationOutcome of `issues`, worded in `language`."""
    return {
        "resourceType": "OperationOutcome",
        "language": TAGS[language],
        "issue": [issue.as_fhir(language) for issue in issues],
    }


class FhirError(Exception):
    """A refusal. Its class gives the HTTP status and the usual issue code."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "exception"
    retry_after: ClassVar[int | None] = None
    """After how many seconds the same request may succeed, if it may."""

    def __init__(self, *issues: Issue, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(" ".join(issue.text("en") for issue in issues))
        self.issues = issues
        self.headers = dict(headers or {})
        self.interaction: str | None = None
        """What the request turned out to be, where its URL does not tell."""
        self.concerned: tuple[str, ...] = ()
        """References to what was asked for in vain, for the trail."""
        if self.retry_after is not None:
            self.headers.setdefault("Retry-After", str(self.retry_after))

    @classmethod
    def because(cls, message: str, expression: str | None = None, **arguments: object) -> Self:
        """Return this refusal with one issue, worded by `message`."""
        return cls(Issue(cls.code, message, arguments, expression))


class BadRequest(FhirError):
    """The request cannot be understood."""

    status, code = 400, "invalid"


class Unauthenticated(FhirError):
    """Nobody knows who is calling, or no longer."""

    status, code = 401, "login"


class Forbidden(FhirError):
    """The caller has no right to this kind of thing."""

    status, code = 403, "forbidden"


class NotFound(FhirError):
    """There is no such resource, or the caller may not know of it."""

    status, code = 404, "not-found"


class MethodNotAllowed(FhirError):
    """The URL exists, but not with this method."""

    status, code = 405, "not-supported"


class NotAcceptable(FhirError):
    """No format that the caller accepts can be given."""

    status, code = 406, "not-supported"


class RequestTimeout(FhirError):
    """The request did not arrive in time."""

    status, code = 408, "timeout"


class Conflict(FhirError):
    """Someone else is changing the same thing."""

    status, code = 409, "conflict"


class Gone(FhirError):
    """The resource was deleted."""

    status, code = 410, "deleted"


class PreconditionFailed(FhirError):
    """A condition that the caller set does not hold."""

    status, code = 412, "conflict"


class TooLarge(FhirError):
    """The request is larger than this server takes."""

    status, code = 413, "too-long"


class UnsupportedMediaType(FhirError):
    """The body is in a format that this server does not read."""

    status, code = 415, "not-supported"


class Unprocessable(FhirError):
    """The resource breaks a rule of FHIR or of a profile."""

    status, code = 422, "processing"


class TooMany(FhirError):
    """Somebody asks, or guesses, more often than they may."""

    status, code = 429, "throttled"


class TooCostly(FhirError):
    """The request would take more time or work than allowed."""

    status, code = 400, "too-costly"


class Unavailable(FhirError):
    """The server cannot answer just now; the same request may succeed later."""

    status, code, retry_after = 503, "transient", 5
