"""Finds the elements of a document, and makes the row of a data set of them.

Elements that go together are one item: those within one act or organizer, or observations in a row
until one of them comes again. So the name and the code of a diagnosis stay together, whether a
template puts them into an organizer or leaves them beside each other.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element as Node

from server.mappings.cda import values
from server.mappings.cda.tables import Document, Row
from server.mappings.cda.texts import content, resolve_references
from server.mappings.cda.values import Asked, Said
from server.mappings.faults import RowFault, fault
from server.mappings.headers import folded
from server.records.cells import Told
from server.records.datasets import joined

_CLUSTERS = ("organizer", "procedure", "substanceAdministration")
_CATALOGUES = ("DE", "HDSD", "HDSB")
Around = tuple[Node, ...]


@dataclass(slots=True)
class Item:
    """Values that go together; `beside` are those that count only if no element says them."""

    around: Around
    section: Node | None
    said: dict[str, str] = field(default_factory=dict)
    beside: dict[str, str] = field(default_factory=dict)

    def takes(self, name: str, around: Around) -> bool:
        """Tell whether a value of `name` that stands in `around` goes with the others."""
        is_same = not self.around or self.around == around[: len(self.around)]
        begins = bool(around) and not self.around
        return name not in self.said and is_same and not begins

    def text(self, name: str) -> str:
        """Return the value of `name`, empty if there is none."""
        return self.said.get(name) or self.beside.get(name, "")


@dataclass(slots=True)
class Finding:
    """One document as it is gone through. `units` has the UCUM code of what documents write."""

    document: Document
    units: Mapping[str, str]
    row: dict[str, str] = field(default_factory=dict)
    beside: dict[str, str] = field(default_factory=dict)
    faults: list[RowFault] = field(default_factory=list)
    _items: dict[int, list[Item]] = field(default_factory=dict)

    def of(self, root: Node) -> dict[str, str]:
        """Return the row that the document `root` is, by the names of elements."""
        resolve_references(root)
        for row in self.document.rows:
            if row.is_in_header:
                self._in_header(row, root)
        for section in root.iter("section"):
            self._in_section(section)
        found = {**self.beside, **self.row}
        for items in self._items.values():
            names = dict.fromkeys(name for one in items for name in (*one.said, *one.beside))
            for name in names:
                texts = [one.text(name) for one in items]
                self._tell_untold(name, texts, items)
                while not texts[-1]:
                    texts.pop()
                found[name] = joined(texts)
        return found

    def _in_header(self, row: Row, root: Node) -> None:
        for anchor in root.findall(row.act) if row.act else (root,):
            self._part(row, anchor, (anchor,) if row.act else (), None)

    def _in_section(self, section: Node) -> None:
        code = _code(section)
        here = [row for row in self.document.rows if row.act and row.section == code]
        for node, around in _walked(section, ()):
            for row in here:
                if row.act == node.tag:
                    self._part(row, node, (*around, node), section)
            told = node.find("code")
            if told is None or not told.get("code", "").startswith(_CATALOGUES):
                continue
            for row in self._meant(told, code, node):
                self._part(row, node, around, section)

    def _part(self, row: Row, node: Node, around: Around, section: Node | None) -> None:
        for path in row.path:
            found = [one for one in node.findall(path) if self._take(row, one, around, section)]
            if found:
                return
        name = self.document.meant(row)
        parts = (content(one) for path in row.path for one in node.findall(path))
        unread = next(filter(None, parts), "")
        if name is not None and unread:
            element = self.document.dataset.elements[name]
            told = Told("cda-value-unread", unread, {}, "warning")
            self.faults.append(fault(name, element.de, told, is_personal=element.personal))

    def _meant(self, told: Node, section: str, node: Node) -> Iterator[Row]:
        """Yield the rows that an observation with the code `told` is of."""
        de = told.get("code", "")
        rows = self.document.by_de.get(de, ())
        here = [one for one in rows if one.section == section] or rows
        names = {folded(one.get("displayName", "")) for one in told.iter()} - {""}
        called = [one for one in here if names & {folded(name) for name in one.display}]
        if called:
            yield from called
        elif here and not any(one.display for one in here):
            yield from here
        elif _has_value(node):
            name = told.get("displayName") or de
            message = "cda-element-ambiguous" if here else "cda-element-unknown"
            severity = "error" if here else "warning"
            self.faults.append(fault(name[:60], de, Told(message, "", {}, severity)))

    def _take(self, row: Row, node: Node, around: Around, section: Node | None) -> bool:
        """Put what `node` says into the row; return whether it says anything."""
        name = self.document.meant(row)
        if name is None:
            return False
        element = self.document.dataset.elements[name]
        domain = self.document.dataset.made.domains.get(name)
        has_postcode = self.document.keeps_postcode(row)
        asked = Asked(row, element.parsed.kind, domain, self.units, has_postcode)
        found = values.said(asked, node)
        for one in found.told:
            self.faults.append(fault(name, element.de, one, is_personal=element.personal))
        if not found.text:
            return False
        group = self.document.group(name)
        if group is None:
            self._put(name, row, found)
        else:
            self._put_into(group, name, row, found, Item(around, section))
        return True

    def _put(self, name: str, row: Row, found: Said) -> None:
        if self.row.setdefault(name, found.text) != found.text:
            self._not_kept(name, found.text)
        self._put_beside(self.beside, row, found)

    def _put_into(self, group: int, name: str, row: Row, found: Said, at: Item) -> None:
        items = self._items.setdefault(group, [])
        if row.each or row.only:
            meant = [one for one in items if row.only or one.section is at.section]
            if row.only and len(meant) > 1:
                self._not_kept(name, found.text)
            else:
                for one in meant:
                    one.said[name] = found.text
            return
        if not items or not items[-1].takes(name, at.around):
            items.append(at)
        item = items[-1]
        item.around = max(item.around, at.around, key=len)
        item.said[name] = found.text
        self._put_beside(item.beside, row, found)

    @staticmethod
    def _put_beside(beside: dict[str, str], row: Row, found: Said) -> None:
        if row.unit_to and found.unit:
            beside[row.unit_to] = found.unit
        if row.display_to:
            beside[row.display_to] = found.display or found.text

    def _tell_untold(self, name: str, texts: list[str], items: list[Item]) -> None:
        """Warn of each name for which its code stands."""
        codes = [row for row in self.document.rows if row.display_to == name]
        for text, item in zip(texts, items, strict=True):
            told = [item.said.get(self.document.meant(one) or "") for one in codes]
            if name not in item.said and text in told and codes[0].type == "CD":
                de = self.document.dataset.elements[name].de
                self.faults.append(fault(name, de, Told("cda-name-untold", text, {}, "warning")))

    def _not_kept(self, name: str, text: str) -> None:
        element = self.document.dataset.elements[name]
        told = Told("cda-not-kept", text, {}, "warning")
        self.faults.append(fault(name, element.de, told, is_personal=element.personal))


def _walked(node: Node, around: Around) -> Iterator[tuple[Node, Around]]:
    """Yield all in `node` as it stands there, each with the clusters that it is in."""
    for one in node:
        if one.tag == "section":
            continue  # which is gone through by itself
        yield one, around
        is_cluster = one.tag in _CLUSTERS or one.get("classCode") == "CLUSTER"
        yield from _walked(one, (*around, one) if is_cluster else around)


def _code(section: Node) -> str:
    code = section.find("code")
    if code is None:
        return ""
    return code.get("code") or code.get("displayName") or ""


def _has_value(node: Node) -> bool:
    value = node.find("value")
    return value is not None and bool(value.get("code") or value.get("value") or value.text)
