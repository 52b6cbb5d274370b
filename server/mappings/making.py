"""What a data set goes by, made of its table once: schema, layout, conversions, checks."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from server.mappings import (
    checks,
    conversions,
    described,
    institutions,
    people,
    photos,
    places,
    visits,
)
from server.mappings.checks import BodyMassIndex, Order, Person, Somebody
from server.mappings.conversions import Asked, Conversion, Facts, Maker
from server.mappings.domains import Domain, listed
from server.mappings.headers import Headers
from server.mappings.layout import Layout, Place, Spot, laid_out
from server.mappings.reading import Putting
from server.mappings.restoring import Finder, Taking
from server.mappings.results import measured
from server.mappings.tables import Element, Every, Gather, Table, WrongTableError
from server.records.cells import Column
from server.records.datasets import Shape

CONVERSIONS: Mapping[str, Maker] = {
    "string": conversions.string,
    "date": conversions.date,
    "dateTime": conversions.date_time,
    "boolean": conversions.boolean,
    "number": conversions.number,
    "positive": conversions.positive,
    "quantity": conversions.quantity,
    "amount": conversions.amount,
    "beside": conversions.beside,
    "money": conversions.money,
    "coding": conversions.coding,
    "concept": conversions.concept,
    "concept-or-other": described.concept,
    "described": described.described,
    "named": conversions.named,
    "classified": conversions.classified,
    "gender": people.gender,
    "telephone": people.telephone,
    "identifier": people.identifier,
    "document-number": people.document_number,
    "document-type": people.document_type,
    "division": places.division,
    "institution-code": institutions.code,
    "visit-number": visits.number,
    "measured": measured,
    "base64": photos.base64,
}
"""What makes a conversion, by the name that rows know it by."""
CALCULATED = "body-mass-index"

Check = Person | BodyMassIndex | Order | Somebody
Swapped = Callable[[Mapping[str, str], Sequence[str]], tuple[str, str] | None]


@dataclass(frozen=True, slots=True)
class Made:
    """What reading and restoring rows of a data set takes."""

    headers: Headers
    shape: Shape
    layout: Layout
    putting: Mapping[str, Putting]
    taking: Mapping[str, Taking]
    finder: Finder
    domains: Mapping[str, Domain]
    every: tuple[Every, ...]
    gather: tuple[Gather, ...]
    always: tuple[Place, ...]
    checks: tuple[Check, ...]
    body_mass_index: BodyMassIndex | None
    swapped: Swapped
    without_inverse: Mapping[str, str]
    not_kept: tuple[str, ...]


def made(table: Table, facts: Facts) -> Made:
    """Return what the data set of `table` goes by. Raises WrongTableError."""
    _no_name_twice(table)
    written = [one for one in table.elements if one.convert != CALCULATED]
    layout = laid_out(table)
    domains = _domains(written, table.head.edition, facts)
    shape = Shape.of([_column(one, domains.get(one.name)) for one in written])
    putting = _putting(table, layout, facts)
    index = _body_mass_index(table)
    return Made(
        headers=Headers.of(written),
        shape=shape,
        layout=layout,
        putting=putting,
        taking={
            name: Taking(
                one.element, one.conversion, (layout.spots[name], *layout.instead[name].values())
            )
            for name, one in putting.items()
            if not one.element.inverse
        },
        finder=Finder.of(layout),
        domains=domains,
        every=table.every,
        gather=table.gather,
        always=tuple(one for one in layout.places.values() if one.always),
        checks=(*_checks(table), *((index,) if index else ())),
        body_mass_index=index,
        swapped=partial(checks.swapped, shape),
        without_inverse={one.name: one.inverse for one in table.elements if one.inverse},
        not_kept=tuple(one.name for one in table.elements if not one.target),
    )


def _domains(elements: Sequence[Element], edition: str, facts: Facts) -> dict[str, Domain]:
    found = {one.name: facts.domains.find(one.domain, edition) for one in elements if one.domain}
    return found | {one.name: listed(one.name, one.values) for one in elements if one.values}


def _putting(table: Table, layout: Layout, facts: Facts) -> dict[str, Putting]:
    """Return how values are put; what stands in each of several nodes comes after those."""
    kept = [one for one in table.elements if one.target]
    kept.sort(key=lambda one: _is_in_each(one, (layout.spots[one.name], *layout.also[one.name])))
    return {
        one.name: Putting(
            one,
            _conversion(one, table.head.edition, facts),
            (layout.spots[one.name], *layout.also[one.name]),
            layout.instead[one.name],
        )
        for one in kept
    }


def _is_in_each(element: Element, spots: Iterable[Spot]) -> bool:
    return not element.repeats and any(one.place.repeating is not None for one in spots)


def _no_name_twice(table: Table) -> None:
    names = Counter(one.name for one in table.elements)
    twice = [name for name, count in names.items() if count > 1]
    missing = [one.needs for one in table.elements if one.needs and one.needs not in names]
    if twice or missing:
        raise WrongTableError(f"{table.name}: twice {twice}, missing {missing}.")


def _conversion(element: Element, edition: str, facts: Facts) -> Conversion:
    if element.convert == CALCULATED:
        return conversions.quantity(Asked(element, edition, facts))
    if element.convert not in CONVERSIONS:
        raise WrongTableError(f"{element.name}: there is no conversion {element.convert}.")
    return CONVERSIONS[element.convert](Asked(element, edition, facts))


def _column(element: Element, domain: Domain | None) -> Column:
    format = element.parsed
    return Column(
        name=element.name,
        kind=format.kind,
        least=format.least,
        most=format.most,
        decimals=format.decimals,
        letters=format.letters,
        codes={} if domain is None else domain.spellings,
        is_open=domain is not None and domain.is_open,
        others=re.compile(element.others["form"]) if element.others else None,
        is_required=element.required,
        repeats=element.repeats,
    )


def _checks(table: Table) -> list[Check]:
    """Return what is asked of the elements of a row together."""
    found: list[Check] = list(_persons(table))
    for one in table.elements:
        for option, is_number in (("above", True), ("after", False)):
            if option in one.options:
                found.append(Order(one.name, one.options[option], is_number))
    return [*found, Somebody(table.head.one_of)] if table.head.one_of else found


def _persons(table: Table) -> list[Person]:
    """Return whose number, date of birth and sex stand in one row."""
    numbers = [one for one in table.elements if one.convert == "document-number"]
    born = [one.name for one in table.elements if one.target.endswith(".birthDate")]
    sexes = [one.name for one in table.elements if one.convert == "gender"]
    if not (numbers and born and sexes):
        return []
    number = numbers[0]
    default = number.options.get("default", "")
    return [Person(number.name, number.options["with"], born[0], sexes[0], default)]


def _body_mass_index(table: Table) -> BodyMassIndex | None:
    for one in table.elements:
        if one.convert == CALCULATED:
            height, weight, given = one.options["from"]
            return BodyMassIndex(height, weight, given, one.name)
    return None
