"""Finds the elements of a document, and makes the row of a data set of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element as Node

from server.mappings.cda import sections, values
from server.mappings.cda.items import Value
from server.mappings.cda.rows import Gathered
from server.mappings.cda.sections import Place, Standing
from server.mappings.cda.tables import Document, Row
from server.mappings.cda.texts import content, resolve_references
from server.mappings.cda.values import Asked
from server.mappings.faults import RowFault, fault
from server.records.cells import Told

_CATALOGUES = ("DE", "HDSD", "HDSB")
_SAYING = ("value", "desc")


@dataclass(slots=True)
class Finding:
    """One document as it is gone through. `units` has the UCUM code of what documents write."""

    document: Document
    units: Mapping[str, str]
    faults: list[RowFault] = field(default_factory=list)
    _found: list[Value] = field(default_factory=list)

    def of(self, root: Node) -> dict[str, str]:
        """Return the row that the document `root` is, by the names of elements."""
        resolve_references(root)
        for row in self.document.rows:
            if row.is_in_header:
                self._in_header(row, root)
        for number, section in enumerate(root.iter("section"), 1):
            self._in_section(section, number)
        gathered = Gathered(self.document, self.units, self.faults)
        return gathered.of(self._found)

    def _in_header(self, row: Row, root: Node) -> None:
        for anchor in root.findall(row.act) if row.act else (root,):
            self._part(row, anchor, Standing().beneath(anchor) if row.act else Standing())

    def _in_section(self, section: Node, number: int) -> None:
        place = Place(self.document, sections.code(section))
        for at in sections.walked(section, Standing(section=number)):
            node = at.path[-1]
            for row in place.parts(node):
                self._part(row, node, at)
            for row in place.doubtful(node):
                self._tell_misplaced(row, node, place)
            told = node.find("code")
            code = sections.code(node).upper()
            if told is not None and code.startswith(_CATALOGUES):
                for row in self._meant(place, told, code, node):
                    self._part(row, node, at)
            elif node.tag not in _SAYING and _says_something(node):
                self._not_meant(node, "cda-element-unknown", "warning")

    def _part(self, row: Row, node: Node, at: Standing) -> None:
        """Find what `row` is of in `node`, at the first of its places that says anything."""
        name = self.document.meant(row)
        if name is None:
            return
        nodes = [node.findall(one) for one in row.path]
        for found in nodes:
            taken = [self._take(name, row, one, at) for one in found]
            if any(taken):
                return
        unread = next(filter(None, (content(one) for found in nodes for one in found)), "")
        if unread:
            self._tell(name, Told("cda-value-unread", unread, {}, "warning"))
        elif row.de and any(nodes):
            # An element that says nothing has its place among the others all the same.
            self._found.append(Value(name, "", row, at.path, at.clusters, at.section))

    def _take(self, name: str, row: Row, node: Node, at: Standing) -> bool:
        """Keep what `node` says for `row`; return whether it says anything."""
        made = self.document.dataset.made
        kind = self.document.dataset.elements[name].parsed.kind
        asked = Asked(
            row, kind, made.domains.get(name), self.units, self.document.keeps_postcode(row)
        )
        found = values.said(asked, node)
        for one in found.told:
            self._tell(name, one)
        if not found.text:
            return False
        if at.taken_back is not None:
            message, status = at.taken_back
            self._tell(name, Told(message, found.text, {"given": status}))
        else:
            place = at.path, at.clusters, at.section
            self._found.append(Value(name, found.text, row, *place, found.unit, found.display))
        return True

    def _meant(self, place: Place, told: Node, de: str, node: Node) -> Iterator[Row]:
        """Yield the rows that an observation with the code `told` is of."""
        names = [one.get("displayName", "") for one in told.iter()]
        rows = place.meant(de, names)
        if rows:
            yield from rows
        elif _says_something(node):
            is_known = rows is None
            message = "cda-element-ambiguous" if is_known else "cda-element-unknown"
            self._not_meant(node, message, "error" if is_known else "warning")

    def _not_meant(self, node: Node, message: str, severity: str) -> None:
        told = node.find("code")
        de = sections.code(node)[:60]
        name = "" if told is None else told.get("displayName", "").strip()
        shown = (name or de or node.tag)[:60]
        self.faults.append(fault(shown, de.upper(), Told(message, "", {}, severity)))

    def _tell_misplaced(self, row: Row, node: Node, place: Place) -> None:
        name = self.document.meant(row)
        texts = filter(None, (content(one) for path in row.path for one in node.findall(path)))
        text = next(texts, "")
        if name is not None and text:
            arguments = {"given": place.code[:60] or "-", "expected": row.section}
            self._tell(name, Told("cda-section-differs", text, arguments, "warning"))

    def _tell(self, name: str, told: Told) -> None:
        element = self.document.dataset.elements[name]
        self.faults.append(fault(name, element.de, told, is_personal=element.personal))


def _says_something(node: Node) -> bool:
    return any(content(one) for one in node if one.tag in _SAYING)
