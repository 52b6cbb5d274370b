"""All profiles that are known, compiled, by canonical URL.

Those that come with the server are compiled at the start; others are found by whoever stores them.

Spec: https://hl7.org/fhir/R4/profiling.html
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from threading import RLock
from types import MappingProxyType

from server.fhir.json import Resource
from server.fhir.outcome import FhirError, Issue, NotFound, Unprocessable
from server.profiles.coded_rules import day_of
from server.profiles.compiling import Compiler, extension_contexts
from server.profiles.conformance import Compiled, Rule, Run
from server.profiles.definitions import Definitions
from server.profiles.extensions import Extensions
from server.profiles.invariants.evaluation import Scope, TooMuch
from server.profiles.invariants.items import Item, Model, resource
from server.profiles.shapes import Shape
from server.profiles.snapshots import STRUCTURE_DEFINITION, Facts, Find, Snapshots
from server.profiles.steps import At, path
from server.profiles.value_rules import is_a
from server.terminology.membership import Membership

VERSION = "4.0.1"
_BUDGET = 300_000
"""How many values may be looked at for one resource, which takes less than a second."""
_MOST_KEPT = 2000
_NOT_YET = NotFound()


Check = Callable[[Resource], Iterable[Issue]]


@dataclass(slots=True)
class Guide:
    """The profiles that `snapshots` know, each compiled when first asked for and then kept.

    Any thread may ask.
    """

    snapshots: Snapshots
    compiler: Compiler
    beneath: "Guide | None" = None
    more: Mapping[str, Check] = field(default_factory=dict)
    """Rules that no StructureDefinition can tell, by the canonical URL of the profile."""
    _made: dict[str, Compiled | FhirError | None] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    @classmethod
    def of(
        cls,
        facts: Facts,
        bases: Mapping[str, str],
        find: Find,
        beneath: "Guide | None" = None,
        more: Mapping[str, Check] = MappingProxyType({}),
    ) -> "Guide":
        """Return the guide of what `find` finds, above R4's own or what is `beneath`.

        Only the lowest is trusted: what is above it, callers have stored.
        """
        snapshots = Snapshots(facts, find)
        return cls(snapshots, Compiler(snapshots, bases, is_trusted=beneath is None), beneath, more)

    def above(self, find: Find) -> "Guide":
        """Return the guide of what `find` finds, which callers have stored, above this one."""
        return Guide.of(self.snapshots.facts, self.compiler.bases, find, self)

    def find(self, canonical: str) -> Compiled | None:
        """Return the profile `canonical`, a URL with or without ``|version``; None if not known.

        Raises Unprocessable if it is known, but at fault.
        """
        below = self.beneath.find(canonical) if self.beneath is not None else None
        if below is not None:
            return below
        found = self._made.get(canonical, _NOT_YET)
        if found is _NOT_YET:
            with self._lock:
                found = self._kept(canonical)
        if isinstance(found, FhirError):
            raise Unprocessable(*found.issues)
        return found

    def _kept(self, canonical: str) -> Compiled | FhirError | None:
        if canonical not in self._made:
            if len(self._made) >= _MOST_KEPT:
                self._made.clear()
            self._made[canonical] = self._compiled(canonical)
        return self._made[canonical]

    def _compiled(self, canonical: str) -> Compiled | FhirError | None:
        url, _, version = canonical.partition("|")
        name = url.removeprefix(STRUCTURE_DEFINITION)
        if name in self.snapshots.facts.types and name != url:
            if version not in ("", VERSION):
                return None
            return Compiled(f"{url}|{VERSION}", name, "active", (self._is_of(name),))
        definition = self.snapshots.definition(canonical)
        if definition is None:
            return None
        try:
            return self.compiled(definition)
        except FhirError as error:
            # Whoever asks for it again is told so again; what is wrong with it is known.
            return error
        except RecursionError:
            return Unprocessable.because("snapshot-too-large", profile=url[:200])

    def compiled(self, definition: Resource) -> Compiled:
        """Return what `definition`, a StructureDefinition of valid structure, comes to.

        Raises Unprocessable if it is at fault.
        """
        tree = self.snapshots.made(definition)
        type_ = definition["type"].rpartition("/")[2]
        url, version = definition["url"], definition.get("version")
        rules = self.compiler.rules(tree)
        return Compiled(
            url=f"{url}|{version}" if version else url,
            type=type_,
            status=definition.get("status", "active"),
            rules=(self._is_of(type_), *rules, *self._beside(url)),
            contexts=extension_contexts(definition),
            is_modifier=bool(tree.definition.get("isModifier", False)),
        )

    def _beside(self, url: str) -> Iterator[Rule]:
        """Yield the rule that belongs to the profile `url` beside what its definition says."""
        found = self.more.get(url)
        if found is None:
            return

        def check(item: Item, at: At, run: Run) -> None:
            for issue in found(item.value):
                inner = (issue.expression or "").partition(".")[2]
                where = f"{path(at)}.{inner}" if inner else path(at)
                run.issues.append(replace(issue, expression=where))

        yield check

    def _is_of(self, type: str) -> Rule:
        """Return the rule that what is checked is of `type`."""
        allowed, bases = frozenset({type}), self.compiler.bases

        def check(item: Item, at: At, run: Run) -> None:
            if item.type != type and not is_a(item.type, allowed, bases):
                told = {"type": type, "found": item.type}
                run.tell("invalid", "profile-of-other-type", at, told)

        return check


@dataclass(frozen=True, slots=True)
class Checking:
    """Checks resources against the profiles of a guide; `membership` knows value sets."""

    model: Model
    zone: tzinfo
    extensions: Extensions
    membership: Membership

    @classmethod
    def of(
        cls, definitions: Definitions, shapes: Mapping[str, Shape], zone: tzinfo, known: Membership
    ) -> "Checking":
        """Return what checks by the types in `definitions`; a date without a zone is in `zone`."""
        return cls(Model(shapes), zone, Extensions(definitions.bases, shapes), known)

    def faults(
        self,
        value: Resource,
        profiles: Iterable[Compiled],
        find: Callable[[str], Compiled | None],
        *,
        tells_support: bool = False,
    ) -> list[Issue]:
        """Return what in `value`, whose structure is valid, does not conform to `profiles`.

        Its extensions are checked as well. `find` knows further profiles. `tells_support` asks for
        the elements that should be supported and are not there.
        """
        whole = resource(value)
        at: At = (None, whole.type, None)
        scope = Scope(self.model, self.zone, whole, whole, whole, _BUDGET)
        known = self.membership.at_once()
        run = Run("", self.model, scope, known, find, day_of(value), [], tells_support)
        try:
            for one in profiles:
                one.check(whole, at, run)
            self.extensions.check(whole, at, run)
        except (TooMuch, RecursionError):
            run.issues.append(Issue("too-costly", "profile-too-costly", {}, whole.type))
        return list(
            {(one.message, one.expression, str(one.arguments)): one for one in run.issues}.values()
        )
