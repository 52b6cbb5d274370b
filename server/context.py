"""All that an interaction may use to answer one caller."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from server.access.policy import Access
from server.fhir.messages import Language
from server.search.hiding import Sight
from server.services import Interpreters, Services
from server.store.history import History
from server.store.resources import Resources

Done = TypeVar("Done")
Stepped = TypeVar("Stepped")
Note = Callable[[bytes], None]
"""Takes what shall be kept together with what a transaction stores."""


class Work(Protocol):
    """How far a request is, and what of it need not be done again if a process dies.

    Whoever does it may hear in each of these that it must not go on, by what is no Exception.
    """

    @property
    def is_kept(self) -> bool:
        """Tell whether nobody waits for it: it may be large, and is done anew if need be."""

    @property
    def name(self) -> str:
        """Return what it is asked for by, the same however often it is begun; empty if by none."""

    def check(self) -> None:
        """Hear whether it must not go on, where no step is done for long."""

    def expect(self, steps: int) -> None:
        """Say of how many steps it consists."""

    def part(self, place: int, do: Callable[[], Done]) -> Done:
        """Return what `do` returns, one step; it, or what it stored, is never done twice."""

    def step(self, place: int, do: Callable[[], Stepped]) -> Stepped:
        """Return what `do` returns, one step; it may be done twice, and changes nothing then.

        What it discloses is told in the trail, and is not in what this returns.
        """

    def reject(self, place: int, content: bytes) -> str:
        """Keep `content`, what a step has not taken; return the path by which it is had."""

    def once(self, do: Callable[[Note], Done], again: Callable[[bytes], Done]) -> Done:
        """Return what `do` returns, whose one transaction is the whole work.

        If that was committed before, return what `again` makes of the note that was kept with it.
        """


class _AtOnce:
    """Work that somebody waits for: if they hear nothing of it, they ask again."""

    is_kept = False
    name = ""

    def check(self) -> None:
        """Hear nothing: who waits goes away."""

    def expect(self, steps: int) -> None:
        """Say nothing: who waits sees when it is done."""

    def part(self, place: int, do: Callable[[], Done]) -> Done:
        """Return what `do` returns."""
        del place
        return do()

    def step(self, place: int, do: Callable[[], Stepped]) -> Stepped:
        """Return what `do` returns."""
        del place
        return do()

    def reject(self, place: int, content: bytes) -> str:
        """Keep nothing, which is nowhere to be had then."""
        del place, content
        return ""

    def once(self, do: Callable[[Note], Done], again: Callable[[bytes], Done]) -> Done:
        """Return what `do` returns; its note is not kept."""
        del again
        return do(lambda _: None)


AT_ONCE: Work = _AtOnce()


@dataclass(frozen=True, slots=True)
class Context:
    """One caller: their rights, their view of the data, their language; the work done for them."""

    services: Services
    access: Access
    language: Language
    resources: Resources
    history: History
    work: Work = AT_ONCE

    @property
    def interpreters(self) -> Interpreters:
        """Return what reads the facts."""
        return self.services.interpreters

    @property
    def sight(self) -> Sight:
        """Return what the caller may search by."""
        return Sight(self.access.hidden, self.access.types("s"))

    @classmethod
    def of(
        cls, services: Services, access: Access, language: Language, work: Work = AT_ONCE
    ) -> "Context":
        """Return the context of a caller with `access`, who reads `language`."""
        seen = access.visibility
        store = services.store
        return cls(services, access, language, store.resources(seen), store.history(seen), work)
