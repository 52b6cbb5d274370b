"""SMART scopes: what a token was granted, parsed.

A scope that is not well-formed counts as not there: never a part of it, and never more than it
says.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

Level = Literal["patient", "user", "system"]
LETTERS = "cruds"
OPENID = ("openid", "fhirUser", "profile")
REFRESHING = ("offline_access", "online_access")
LAUNCHING = ("launch", "launch/patient", "launch/encounter")
_VERSION_1 = {"read": "rs", "write": "cud", "*": LETTERS}
_CLINICAL = re.compile(
    r"(patient|user|system)/(\*|[A-Z][A-Za-z]*)\.(read|write|\*|c?r?u?d?s?)(?:\?([^?#]+))?"
)
_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_URI_FORM = "http://smarthealthit.org/fhir/scopes/"


@dataclass(frozen=True, slots=True)
class Scope:
    """One clinical scope. `type` may be ``*``; `constraint` are parameters of a search, ANDed.

    `text` is the spelling that the client chose, which its token shows again.
    """

    level: Level
    type: str
    letters: frozenset[str]
    constraint: tuple[tuple[str, str], ...] = ()
    text: str = field(default="", compare=False)

    def includes(self, other: "Scope", letter: str) -> bool:
        """Tell whether all that `other` allows by `letter` is allowed by this scope, too."""
        return (
            self.level == other.level
            and self.type in ("*", other.type)
            and letter in self.letters
            and set(self.constraint) <= set(other.constraint)
        )


@dataclass(frozen=True, slots=True)
class Scopes:
    """A scope parameter: its clinical scopes, the `words` (``openid``), and what is neither.

    All in the order of the text, without repetition.
    """

    clinical: tuple[Scope, ...] = ()
    words: tuple[str, ...] = ()
    malformed: tuple[str, ...] = ()

    def __contains__(self, word: str) -> bool:
        """Tell whether `word`, such as ``offline_access``, is among them."""
        return word in self.words

    @property
    def text(self) -> str:
        """These scopes as a scope parameter, in the client's spelling."""
        return " ".join((*self.words, *(scope.text for scope in self.clinical)))

    def cover(self, asked: "Scopes") -> bool:
        """Tell whether all that is `asked` is in these, so that asking for it is no more."""
        return set(asked.words) <= set(self.words) and all(
            any(one.includes(scope, letter) for one in self.clinical)
            for scope in asked.clinical
            for letter in scope.letters
        )

    def within(self, allowed: "Scopes") -> "Scopes":
        """Return those of these scopes that `allowed` cover, each whole or not at all."""
        return Scopes(
            tuple(one for one in self.clinical if allowed.cover(Scopes((one,)))),
            tuple(word for word in self.words if word in allowed.words),
        )


@lru_cache(maxsize=4096)
def parse(text: str) -> Scopes:
    """Return the scopes in `text`, which are divided by spaces, and remember them."""
    return read(text)


def read(text: str) -> Scopes:
    """Return the scopes in `text`, which comes from anybody and is not worth remembering."""
    clinical: dict[str, Scope] = {}
    words: dict[str, None] = {}
    malformed: dict[str, None] = {}
    for part in text.split(" "):
        scope = _clinical(part)
        if scope is not None:
            clinical.setdefault(part, scope)
        elif part in (*OPENID, *REFRESHING, *LAUNCHING):
            words.setdefault(part)
        elif part:
            malformed.setdefault(part)
    return Scopes(tuple(clinical.values()), tuple(words), tuple(malformed))


def _clinical(text: str) -> Scope | None:
    found = _CLINICAL.fullmatch(text.removeprefix(_URI_FORM))
    if found is None or not found[3] or not _TOKEN.fullmatch(text):
        return None
    pairs = _pairs(found[4]) if found[4] is not None else ()
    if pairs is None:
        return None
    level: Level = found[1]  # type: ignore[assignment]  # the pattern has these three only
    letters = frozenset(_VERSION_1.get(found[3], found[3]))
    return Scope(level, found[2], letters, pairs, text)


def _pairs(text: str) -> tuple[tuple[str, str], ...] | None:
    """Return the parameters in `text`, sorted, None if it is not a list of them."""
    if _BROKEN_ESCAPE.search(text):
        return None
    found: set[tuple[str, str]] = set()
    for part in text.split("&"):
        name, equals, value = part.partition("=")
        if not (name and equals and value):
            return None
        try:
            found.add((unquote(name, errors="strict"), unquote(value, errors="strict")))
        except UnicodeDecodeError:
            return None
    return tuple(sorted(found))
