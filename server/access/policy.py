"""The one decision: what the rights of a caller come to.

Effective are the scopes of the token, cut down by the role of who stands behind it, by the
persons and the administrative divisions that role reaches, and by the labels of sensitive data
that nobody released. What no right gives is refused.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from server.access.caller import ANONYMOUS, Caller
from server.access.roles import Roles
from server.access.scopes import LETTERS, Scope
from server.access.visibility import EVERYTHING, NOTHING, Visibility
from server.fhir.outcome import Forbidden, NotFound

NEEDED: Mapping[str, str] = {
    "read": "r",
    "vread": "r",
    "history-instance": "r",
    "create": "c",
    "update": "u",
    "patch": "u",
    "delete": "d",
    "search-type": "s",
    "search-system": "s",
    "search-compartment": "s",
    "history-type": "s",
    "history-system": "s",
}
"""The letter of a scope that an interaction needs. One that has none needs no scope."""
APPEND_ONLY = frozenset({"AuditEvent"})
"""Types that the server alone writes: whatever their rights, nobody creates or changes one."""
EXPLAIN = "explain"
"""How a search is run, which only administrators may ask, of types that they may search."""
FREE = frozenset({"capabilities"})
"""Interactions that need no rights at all."""


@dataclass(frozen=True, slots=True)
class Masks:
    """Top-level elements of one type that are hidden or only shown in part, as FHIRPath names.

    `hidden` are left out; `masked` show what identifies a person in part (``110101********1234``).
    """

    hidden: frozenset[str] = frozenset()
    masked: frozenset[str] = frozenset()

    @property
    def elements(self) -> frozenset[str]:
        """All elements that are not shown as they are."""
        return self.hidden | self.masked


@dataclass(frozen=True, slots=True)
class Right:
    """What one scope gives: `letters` on `type`, where ``*`` is every type but internal ones.

    `patients` are the persons that it is about (``Patient/a``), None if it is not about persons.
    `alone` is the id of the one resource that it is about, as it is now, None if it is about more.
    """

    type: str
    letters: frozenset[str]
    constraint: tuple[tuple[str, str], ...] = ()
    patients: tuple[str, ...] | None = None
    alone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """What a member of staff or a system sees of the data: that of divisions, or of a unit.

    `divisions` are codes, each with all below it; `organizations` are references to who is
    responsible for the data. Either is enough.
    """

    divisions: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """All that decides what one token can do. `region` None means no limit by place.

    `withheld` are the labels of sensitive data (v3-ActCode) that are not shown. For the patients
    `lifted` neither that nor the place counts when reading: an emergency. `masks` are by type.
    `internal` is an access of the server's own, such as finding whom an emergency is about, which
    what patients keep from others is not kept from.
    """

    caller: Caller
    rights: tuple[Right, ...]
    region: Region | None = None
    withheld: frozenset[str] = frozenset()
    lifted: tuple[str, ...] = ()
    masks: Mapping[str, Masks] = field(default_factory=dict)
    internal: bool = False

    @property
    def role(self) -> str:
        """The role that bounds these rights: a member of staff has one, others are one."""
        return self.caller.role or self.caller.kind


@dataclass(frozen=True, slots=True)
class Access:
    """The decision for one caller: `letters` by type, `visibility` by content.

    Without `letters` everything is allowed. `internal` and `withheld` are as in the rights.
    """

    caller: Caller
    letters: Mapping[str, frozenset[str]] | None
    visibility: Visibility
    masks: Mapping[str, Masks] = field(default_factory=dict)
    internal: bool = False
    withheld: frozenset[str] = frozenset()
    _by_letter: Mapping[str, frozenset[str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Turn the letters round once, for they are asked for with every request."""
        known = (self.letters or {}).items()
        turned = {one: frozenset(type for type, has in known if one in has) for one in LETTERS}
        object.__setattr__(self, "_by_letter", turned)

    @property
    def hidden(self) -> Mapping[str, AbstractSet[str]]:
        """The elements of each type that cannot be searched, for the caller does not see them."""
        return {type: masks.elements for type, masks in self.masks.items()}

    @property
    def name(self) -> str:
        """A name that only an access has that comes of equal rights, in whichever process."""
        return self.visibility.name

    def has(self, type: str, letter: str) -> bool:
        """Tell whether any right gives `letter` on `type`."""
        return self.letters is None or letter in self.letters.get(type, frozenset())

    def types(self, letter: str) -> frozenset[str] | None:
        """Return the types that `letter` is given on, None for all."""
        return None if self.letters is None else self._by_letter[letter]

    def require(self, interaction: str, type: str | None) -> None:
        """Raise Forbidden unless `interaction` is allowed on `type`.

        None stands for the system as a whole: some type is enough.
        """
        letter = NEEDED.get(interaction)
        if type in APPEND_ONLY and letter in ("c", "u", "d"):
            raise Forbidden.because("type-append-only", type=type)
        if interaction in FREE or self.letters is None:
            return
        if interaction == EXPLAIN and self.caller.role == "administrator":
            letter = "s"
        if letter is not None and (
            self.has(type, letter) if type is not None else self.types(letter)
        ):
            return
        raise self._short(
            Forbidden.because("interaction-forbidden", interaction=interaction, type=type or "*"),
            type,
            letter,
        )

    def require_operation(self, operation: str, letter: str, type: str | None) -> None:
        """Raise Forbidden unless some right gives `letter` on `type`, which `operation` needs."""
        if type in APPEND_ONLY and letter in ("c", "u", "d"):
            raise Forbidden.because("type-append-only", type=type)
        if self.letters is None or (self.has(type, letter) if type else self.types(letter)):
            return
        refusal = Forbidden.because(
            "interaction-forbidden", interaction=f"${operation}", type=type or "*"
        )
        raise self._short(refusal, type, letter)

    def require_own_ids(self, type: str, id: str) -> None:
        """Raise NotFound unless the caller may choose the id of a new resource.

        Only systems may: whoever else asked for an id that is there, but not for them, would learn
        of it.
        """
        if self.caller.kind not in ("system", "anonymous"):
            raise NotFound.because("resource-unknown", type=type, id=id)

    def require_internal(self, message: str) -> None:
        """Raise Forbidden with `message` unless it is the server itself that does something."""
        if not self.internal and self.letters is not None:
            raise Forbidden.because(message)

    def require_letter(self, letter: str, type: str) -> None:
        """Raise Forbidden unless some right gives `letter` on `type`."""
        if not self.has(type, letter):
            raise self._short(
                Forbidden.because("letter-forbidden", letter=letter, type=type), type, letter
            )

    def _short(self, refusal: Forbidden, type: str | None, letter: str | None) -> Forbidden:
        """Return `refusal` with what RFC 6750 section 3 has told of a scope that is short."""
        challenge = 'Bearer realm="tongkang", error="insufficient_scope"'
        if letter is not None:
            level = _LEVELS.get(self.caller.kind, "user")
            challenge += f', scope="{level}/{type or "*"}.{letter}"'
        refusal.headers["WWW-Authenticate"] = challenge
        return refusal


_LEVELS = {"resident": "patient", "system": "system"}
"""The level of scopes that a caller asks for."""


ANYBODY = Access(ANONYMOUS, {}, NOTHING)
"""The access of who has not said who they are: what is free."""
OPEN = Access(ANONYMOUS, None, EVERYTHING)
"""The access of everybody on a server that asks nobody who they are."""


def granted(
    roles: Roles,
    role: str,
    scopes: tuple[Scope, ...],
    patients: Mapping[str, tuple[str, ...] | None],
) -> tuple[Right, ...]:
    """Return the rights that `scopes` give somebody of `role`.

    `patients` says by the level of a scope whose data it is about: None for no limit to persons;
    a level that is not there gives nothing.
    """
    found: list[Right] = []
    for scope in scopes:
        if scope.level not in patients:
            continue
        about = patients[scope.level]
        if scope.level == "patient" and (not about or roles.is_internal(scope.type)):
            continue
        found.append(Right(scope.type, scope.letters, scope.constraint, about))
    return tuple(right for right in found if right.type == "*" or roles.of(role, right.type))


def letters(
    roles: Roles, role: str, rights: tuple[Right, ...], types: frozenset[str]
) -> dict[str, frozenset[str]]:
    """Return the letters that `rights` come to on each of `types`, within `role`."""
    found: dict[str, frozenset[str]] = {}
    for type in types:
        most = roles.of(role, type)
        given = frozenset(
            letter for letter in LETTERS for one in rights if gives(roles, one, type, letter)
        )
        if most & given:
            found[type] = most & given
    return found


def gives(roles: Roles, right: Right, type: str, letter: str) -> bool:
    """Tell whether `right` gives `letter` on `type`."""
    means = right.type == type or (right.type == "*" and not roles.is_internal(type))
    return means and letter in right.letters
