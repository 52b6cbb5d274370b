"""What a binding asks of the terminology: whether a code is one of a value set.

Profiles ask it, the terminology service answers it; so that each can be had without the other, the
question stands here alone.

Spec: https://hl7.org/fhir/R4/terminologies.html#strength
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import msgspec

UNKNOWN, OUTSIDE = "code-unknown", "code-not-in-value-set"
"""The reasons of a code that its whole system does not have, and of one not in the value set."""


class Code(msgspec.Struct, frozen=True, gc=False):
    """A code as it stands in a resource; `system` None for the type ``code``, which has none."""

    code: str
    system: str | None = None
    version: str | None = None
    display: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer: `is_member` None if it cannot be told, for value set or code system is not here.

    `reason` is a message key, with its `arguments`: of what is wrong, or of what is to be warned of
    though the code is a member (``code-inactive``). `display` is the code system's own name for it.
    """

    is_member: bool | None
    reason: str | None = None
    arguments: Mapping[str, object] = field(default_factory=dict)
    display: str | None = None


class Membership(Protocol):
    """Whoever knows value sets."""

    def member(self, value_set: str, code: Code, on: date | None = None) -> Verdict:
        """Return whether `code` is in `value_set`, its canonical URL with or without ``|version``.

        `on` is the day for which the code has to be valid: the code of a division that was
        abolished in 2010 is valid for a birth in 1980. Without it, today's codes count and former
        ones are members with a reason.
        """

    def at_once(self) -> "Membership":
        """Return what answers many questions at once, by what is known now."""
