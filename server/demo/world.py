"""What all residents of the demo region have in common."""

from dataclasses import dataclass
from datetime import date

from server.demo.institutions import Institution, Institutions
from server.demo.person import Person
from server.demo.tables import Tables


@dataclass(frozen=True, slots=True)
class World:
    """The tables, the institutions, and the `reference` date: before it everything has happened."""

    tables: Tables
    institutions: Institutions
    reference: date

    def hospital(self, person: Person) -> Institution:
        """Return the hospital of the county that `person` lives in."""
        return self.institutions.hospitals[person.township.code[:6]]

    def health_centre(self, person: Person) -> Institution:
        """Return the health centre of the township that `person` lives in."""
        return self.institutions.health_centres[person.township.code]
