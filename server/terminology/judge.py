"""Whether codes are in value sets, answered for many of them by what is known at one moment.

Spec: https://hl7.org/fhir/R4/valueset-operation-validate-code.html
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

from server.fhir.outcome import FhirError, Unavailable
from server.terminology.compositions import Composition
from server.terminology.judgement import judged
from server.terminology.library import COMPLETE, Definition, Library
from server.terminology.membership import OUTSIDE, UNKNOWN, Code, Verdict
from server.terminology.systems import System
from server.terminology.verdicts import Verdicts
from server.terminology.versions import AS_NAMED, Versions


class Known(Protocol):
    """Who knows the value sets and the code systems."""

    library: Library

    def composition(self, canonical: str, versions: Versions = ..., /) -> Composition:
        """Return what a value set is composed of. Raises NotFound, Unprocessable, TooCostly."""

    def table(self, definition: Definition, /) -> System:
        """Return a code system that is here as a whole."""

    def are_known(self, versions: Versions, /) -> bool:
        """Tell whether the editions are here that `versions` names."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A `Membership` by what is `known`; `kept` are verdicts that were given before."""

    known: Known
    kept: Verdicts

    def member(self, value_set: str, code: Code, on: date | None = None) -> Verdict:
        """Return whether `code` is in `value_set`; see `Membership`."""
        kept = self.kept.find((value_set, code), on)
        return kept if kept is not None else self._judged(value_set, code, on)

    def at_once(self) -> "Judge":
        """Return itself."""
        return self

    def _judged(self, value_set: str, code: Code, on: date | None) -> Verdict:
        versions = AS_NAMED
        if code.system is not None and code.version is not None:
            versions = Versions(system=((code.system, code.version),))
        try:
            composition = self.known.composition(value_set, versions)
        except Unavailable:
            raise
        except FhirError as refusal:
            issue = refusal.issues[0]
            return Verdict(is_member=None, reason=issue.message, arguments=issue.arguments)
        verdict = judged(composition, code, on)
        if verdict.reason == OUTSIDE and self._is_in_no_edition(code):
            verdict = replace(verdict, reason=UNKNOWN)
        if self.known.are_known(versions):
            self.kept.keep((value_set, code), on, verdict, composition)
        return verdict

    def _is_in_no_edition(self, code: Code) -> bool:
        """Tell whether the system of `code` is here, whole, and has no such code.

        Only what is in memory is looked at, and each edition, if none is named.
        """
        library = self.known.library
        found = library.versions("CodeSystem", code.system) if code.system else ()
        meant = [one for one in found if code.version in (None, one.head.version)]
        return bool(meant) and all(
            one.head.content == COMPLETE and not self.known.table(one).concepts((code.code,))
            for one in meant
        )
