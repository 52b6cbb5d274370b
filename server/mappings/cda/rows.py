"""The row of a data set, made of the values that a document has."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from server.mappings.cda.items import Item, Value, beside, items
from server.mappings.cda.tables import Document
from server.mappings.faults import RowFault, fault
from server.records.cells import Told
from server.records.datasets import joined


@dataclass(frozen=True, slots=True)
class Gathered:
    """A row in the making, and the `faults` that are found by it."""

    document: Document
    units: Mapping[str, str]
    faults: list[RowFault]

    def of(self, found: Sequence[Value]) -> dict[str, str]:
        """Return the row that the values `found` are, by the names of elements."""
        groups: dict[int, list[Value]] = {}
        single: dict[str, Value] = {}
        for one in found:
            group = self.document.group(one.name)
            if group is not None:
                groups.setdefault(group, []).append(one)
            elif one.text and single.setdefault(one.name, one).text != one.text:
                self._tell(one, "cda-not-kept", "warning")
        row = beside([*single.values()]) | {name: one.text for name, one in single.items()}
        self._tell_units([*single.values()], row)
        for group, values in groups.items():
            some = values if self.document.is_list(group) else self._once(values)
            row |= self._cells(self._items(some))
        return row

    def _once(self, values: Iterable[Value]) -> list[Value]:
        """Return `values` without a second one of the same node, which belongs to no item."""
        found: dict[object, Value] = {}
        for one in values:
            key = (one.name, id(one.path[-1] if one.path else one))
            if found.setdefault(key, one).text != one.text:
                self._tell(one, "cda-apart", "error")
        return [*found.values()]

    def _items(self, values: Sequence[Value]) -> list[Item]:
        """Return the items of one group of elements."""
        own, shared = _parted(values)
        made: list[tuple[int, Item]] = []
        for section, some in groupby(own, key=lambda one: one.section):
            made += [(section, one) for one in items([*some], self._heads)]
        made = [(section, one) for section, one in made if any(one.said.values())]
        made = self._with_header(made)
        for one in shared:
            self._share(one, made)
        for _, item in made:
            for stray in item.strays:
                self._tell(stray, "cda-apart", "error")
            self._tell_units(item.values, item.said)
        return [item for _, item in made]

    def _with_header(self, made: list[tuple[int, Item]]) -> list[tuple[int, Item]]:
        """Return what is `made` with what the header says for the only item of the sections."""
        bare = [one for section, one in made if _is_bare(section, one)]
        rest = [(section, one) for section, one in made if not _is_bare(section, one)]
        if not bare or not rest:
            return made
        values = [one for item in bare for one in item.values]
        if len(rest) == 1 and not {one.name for one in values} & rest[0][1].said.keys():
            return [(rest[0][0], Item([*values, *rest[0][1].values], rest[0][1].strays))]
        for one in values:
            self._tell(one, "cda-apart", "error")
        return made

    def _share(self, value: Value, made: Iterable[tuple[int, Item]]) -> None:
        """Give each item what is said once for all of its section, or for the only item."""
        meant = [item for section, item in made if value.row.only or section == value.section]
        if not meant or (value.row.only and len(meant) > 1):
            self._tell(value, "cda-not-kept", "warning")
        elif any(one.said.get(value.name, value.text) != value.text for one in meant):
            self._tell(value, "cda-apart", "error")
        for one in meant if value.row.each or len(meant) == 1 else ():
            one.said.setdefault(value.name, value.text)

    def _heads(self, values: Sequence[Value]) -> frozenset[str]:
        """Return the elements that the others need: names, and codes where no names are."""
        elements = self.document.dataset.elements
        needed = {elements[one.name].needs for one in values}
        present = {one.name for one in values}
        names = {name for name in present & needed if not elements[name].needs}
        coded = {
            one.name for one in values if one.row.display_to and one.row.display_to not in present
        }
        return frozenset(names | coded)

    def _cells(self, items: Sequence[Item]) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in dict.fromkeys(name for one in items for name in (*one.said, *one.beside)):
            texts = [one.text(name) for one in items]
            self._tell_untold(name, texts, items)
            while texts and not texts[-1]:
                texts.pop()
            element = self.document.dataset.elements[name]
            if texts and (element.repeats or len(texts) > 1):
                found[name] = joined(texts, element.parsed.kind)
            elif texts:
                (found[name],) = texts
        return found

    def _tell_untold(self, name: str, texts: Sequence[str], items: Sequence[Item]) -> None:
        """Warn of each name for which its code stands."""
        codes = [row for row in self.document.rows if row.display_to == name]
        for text, item in zip(texts, items, strict=True):
            told = [item.said.get(self.document.meant(one) or "") for one in codes]
            if text and not item.said.get(name) and text in told and codes[0].type == "CD":
                de = self.document.dataset.elements[name].de
                self.faults.append(fault(name, de, Told("cda-name-untold", text, {}, "warning")))

    def _tell_units(self, values: Iterable[Value], said: Mapping[str, str]) -> None:
        """Refuse each value that has another unit than the element for it says."""
        for one in values:
            other = said.get(one.row.unit_to, "")
            codes = {self.units.get(unit, unit) for unit in (one.unit, other) if unit}
            if len(codes) > 1:
                self._tell(one, "cda-unit", "error", given=one.unit[:40], expected=other[:40])

    def _tell(self, value: Value, message: str, severity: str, **arguments: str) -> None:
        element = self.document.dataset.elements[value.name]
        told = Told(message, value.text, arguments, severity)
        self.faults.append(fault(value.name, element.de, told, is_personal=element.personal))


def _parted(values: Sequence[Value]) -> tuple[list[Value], list[Value]]:
    """Return the values of one item each, and those that are said once for several."""
    own: list[Value] = []
    shared: list[Value] = []
    for one in values:
        is_shared = (one.row.each or one.row.only) and not one.clusters
        if one.text or not is_shared:
            (shared if is_shared else own).append(one)
    return own, shared


def _is_bare(section: int, item: Item) -> bool:
    """Tell whether `item` stands in the header as such, in no part of it."""
    return not section and not item.values[0].path
