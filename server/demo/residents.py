"""The residents of the demo region with their health records, each the same every time.

Resident i depends on the seed, i and the reference date, and on nobody else,
so any number of them can be made one after the other in constant memory.
"""

from collections.abc import Iterator
from datetime import date
from random import Random

from server.demo import identity, person
from server.demo.encounters import encounter
from server.demo.illnesses import acute_condition, chronic_condition, lasting, prescriptions
from server.demo.institutions import build
from server.demo.observations import body, observations
from server.demo.patient import guardian, patient
from server.demo.person import Person
from server.demo.prevention import allergies, immunizations
from server.demo.tables import Illness, read
from server.demo.visits import Visit, plan
from server.demo.world import World
from server.fhir.json import Resource

REFERENCE = date(2026, 1, 1)
"""The day before which everything has happened, unless another is asked for."""


def residents(count: int, seed: int, reference: date = REFERENCE) -> Iterator[list[Resource]]:
    """Yield the resources of each of `count` residents, the Patient first.

    They refer to each other, to the resources of `institutions`, and to no
    other resident's. Decimals are Decimal: `server.demo.shapes.encoded` writes
    them with all their digits.

    Raises ValueError if `count` is more than there are different ID numbers.
    """
    if not 0 <= count <= identity.CAPACITY:
        message = f"There can be 0 to {identity.CAPACITY} residents, not {count}."
        raise ValueError(message)
    tables = read()
    world = World(tables, build(tables), reference)
    return (_resident(number, seed, world) for number in range(count))


def _resident(number: int, seed: int, world: World) -> list[Resource]:
    # One stream of chance for each resident, so that nobody's record depends on another's.
    random = Random(f"{seed}/{number}")  # noqa: S311 - made-up records are no secrets
    tables = world.tables
    who = person.draw(random, number, seed, tables, world.reference)
    centre = world.health_centre(who)
    ill = lasting(random, who, tables)
    visits = plan(random, who, ill, world)
    parent = guardian(random, who, tables.people)
    return [
        patient(random, who, centre),
        *([] if parent is None else [parent]),
        *allergies(random, who, tables, world.reference),
        *immunizations(random, who, centre, tables, world.reference),
        *_care(random, who, ill, visits, world),
    ]


def _care(
    random: Random, who: Person, ill: tuple[Illness, ...], visits: tuple[Visit, ...], world: World
) -> Iterator[Resource]:
    chronic = {illness: chronic_condition(random, who, illness, world.reference) for illness in ill}
    yield from chronic.values()
    own = body(random, who, ill, world.tables)
    last = {visit.reason.illness: visit for visit in visits if visit.reason.chronic}
    for visit in visits:
        illness = visit.reason.illness
        condition = None if illness is None else chronic.get(illness)
        if illness is not None and condition is None:
            condition = acute_condition(who, visit, illness, world.reference)
            yield condition
        condition_id = None if condition is None else condition["id"]
        yield encounter(visit, who, condition_id, world.tables)
        yield from observations(random, who, visit, own, world.tables)
        if condition_id is not None:
            status = "active" if last.get(illness) is visit else "completed"
            yield from prescriptions(who, visit, condition_id, status, world.tables)
