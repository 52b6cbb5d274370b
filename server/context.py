"""All that an interaction may use to answer one caller."""

from dataclasses import dataclass

from server.access.policy import Access
from server.fhir.messages import Language
from server.search.hiding import Sight
from server.services import Interpreters, Services
from server.store.history import History
from server.store.resources import Resources


@dataclass(frozen=True, slots=True)
class Context:
    """One caller: their rights, their view of the data, their language."""

    services: Services
    access: Access
    language: Language
    resources: Resources
    history: History

    @property
    def interpreters(self) -> Interpreters:
        """Return what reads the facts."""
        return self.services.interpreters

    @property
    def sight(self) -> Sight:
        """Return what the caller may search by."""
        return Sight(self.access.hidden, self.access.types("s"))

    @classmethod
    def of(cls, services: Services, access: Access, language: Language) -> "Context":
        """Return the context of a caller with `access`, who reads `language`."""
        seen = access.visibility
        store = services.store
        return cls(services, access, language, store.resources(seen), store.history(seen))
