"""National data sets: rows of an EMR system become trees of FHIR, and back.

    datasets = DataSets.load(content.MAPPINGS, terminology, kinds)
    front_page = datasets.find("InpatientFrontPage")     # or "住院病案首页"
    columns = front_page.headers(["病案号", "DE02.01.039.01", "HDSD00.11.085"])
    read = front_page.read(columns.row(["00123", "测试甲", "1"]))
    read.faults                      # what is wrong, and what was put right
    read.entries, read.record        # the resources, or the one EncounterRecord
    front_page.restore([resource])   # the row again

Everything is worked out from ``mappings/<DataSet>/*.toml`` when the server starts. Numbers in trees
are as the row spells them (``orjson.Fragment``), and `server.fhir.json.dumps` writes their digits.

Spec: WS 365-2011, WS 445-2014 (data sets), https://www.nhc.gov.cn/wjw/s9497/wsbz.shtml
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from server.fhir.outcome import NotFound
from server.mappings import making, reading, tables
from server.mappings.conversions import Facts
from server.mappings.domains import Domains
from server.mappings.faults import RowFault, fault
from server.mappings.headers import Columns, folded
from server.mappings.layout import Place
from server.mappings.making import Made
from server.mappings.reading import Entry, Tree
from server.mappings.tables import Element, Head
from server.profiles.identity_numbers.kinds import Kinds
from server.records.cells import Told
from server.records.datasets import DIVIDER, Cell, Loaded
from server.terminology.service import Terminology

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Read:
    """What a row came to.

    `entries` are its resources, each with its role in the data set (``Condition[past]#1``), which
    is the same whenever the row is read, and with the ``urn:uuid:`` by which the others refer to
    it. A row with an error among its `faults` is not to be taken, though what could be read is
    there to be looked at.
    """

    entries: tuple[Entry, ...]
    faults: tuple[RowFault, ...]

    @property
    def resources(self) -> list[Resource]:
        """Return the resources alone."""
        return [entry.resource for entry in self.entries]

    @property
    def record(self) -> Resource:
        """Return the one resource of a data set whose rows are one, such as an EncounterRecord."""
        return self.entries[0].resource

    @property
    def is_refused(self) -> bool:
        """Tell whether anything is wrong, and not just put right."""
        return any(one.severity == "error" for one in self.faults)


@dataclass(frozen=True, slots=True)
class Restored:
    """A row in national form, by the names of elements, and which elements it cannot have.

    `without_inverse` are those that do not come back from any tree, each with the reason.
    """

    row: dict[str, str]
    without_inverse: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DataSet:
    """One national data set. `elements` are in the order of its table."""

    name: str
    head: Head
    elements: Mapping[str, Element] = field(repr=False)
    made: Made = field(repr=False)

    @property
    def is_record(self) -> bool:
        """Tell whether a row is one tree, and not several resources."""
        return self.head.root is not None

    @property
    def roots(self) -> tuple[Place, ...]:
        """Return the places of the resources that a row comes to."""
        places = self.made.layout.places.values()
        return tuple(one for one in places if one.parent is None)

    def headers(self, row: Sequence[str]) -> Columns:
        """Return which element each header in `row` means: Chinese names, DE and HDSD ids mixed.

        Raises Unprocessable with an issue for each that is unknown or means several elements, and
        for each element with two columns.
        """
        return self.made.headers.columns(row)

    def read(self, row: Mapping[str, str]) -> Read:
        """Return what `row` comes to, whose keys are names of elements, as `Columns.row` has them.

        A cell that repeats has its values between ``|``.
        """
        known = {name: text for name, text in row.items() if name in self.made.shape.fields}
        loaded = self.made.shape.load(known)
        told = self._told(loaded)
        tree = Tree(self.made.layout)
        for place in self.made.always:
            tree.node(place, 0)
        cells = self._with_calculated(loaded)
        for name, putting in self.made.putting.items():
            if name in cells:
                told += [(name, one) for one in putting.put(tree, cells)]
        reading.share(self.made.every, tree, self._shared(cells))
        reading.gather(self.made.gather, tree)
        reading.finish(tree)
        faults = [self._fault(name, one) for name, one in self._untangled(row, told)]
        faults += [
            RowFault(name, "", text, "dataset-column-unknown", {"element": name[:60]})
            for name, text in row.items()
            if name not in known
        ]
        return Read(tuple(tree.entries), tuple(faults))

    def restore(self, resources: Iterable[Resource]) -> Restored:
        """Return the row that `resources` come to.

        Their numbers are to be their digits, as `server.fhir.json.spelled` reads them. Of several
        that could stand in one place the first is taken.
        """
        found = self.made.finder.nodes(resources)
        row: dict[str, str] = {}
        for name, taking in self.made.taking.items():
            text = taking.take(found)
            if text is not None:
                row[name] = text
        return Restored(row, self.made.without_inverse)

    def _told(self, loaded: Loaded) -> list[tuple[str, Told]]:
        told = [(name, one) for name, cell in loaded.cells.items() for one in cell.told]
        told += [
            (name, Told("dataset-not-kept", DIVIDER.join(loaded.cells[name].values), {}, "warning"))
            for name in self.made.not_kept
            if name in loaded.cells and any(loaded.cells[name].values)
        ]
        told += [(name, one) for name, all in loaded.faults.items() for one in all]
        for check in self.made.checks:
            told += check.faults(loaded)
        return told

    def _untangled(
        self, row: Mapping[str, str], told: list[tuple[str, Told]]
    ) -> Iterable[tuple[str, Told]]:
        """Return what was told, with two values in each other's columns told once."""
        wrong = [name for name, one in told if one.severity == "error" and row.get(name)]
        pair = self.made.swapped(row, wrong) if len(wrong) > 1 else None
        if pair is None:
            return told
        first, second = pair
        rest = [(name, one) for name, one in told if name not in pair]
        return [*rest, (first, Told("dataset-swapped", row[first], {"other": second}))]

    def _with_calculated(self, loaded: Loaded) -> Mapping[str, Cell]:
        index = self.made.body_mass_index
        if index is None or index.given in loaded.cells:
            return loaded.cells
        found = index.of(loaded)
        if found is None:
            return loaded.cells
        return {**loaded.cells, index.calculated: Cell((found,))}

    def _shared(self, cells: Mapping[str, Cell]) -> dict[str, Any]:
        found = {}
        for one in self.made.every:
            if one.of in cells and one.of not in found and cells[one.of].values[0]:
                putting = self.made.putting[one.of]
                found[one.of] = putting.conversion.read(cells[one.of].values[0], lambda _: "")
        return found

    def _fault(self, name: str, told: Told) -> RowFault:
        element = self.elements[name]
        if told.message == "dataset-domain":
            domain = self.made.domains[name]
            said = {"table": domain.title, "allowed": domain.allowed}
            told = Told(told.message, told.value, said, told.severity)
        return fault(name, element.de, told, is_personal=element.personal)


@dataclass(frozen=True, slots=True)
class DataSets:
    """All data sets that come with the server."""

    all: tuple[DataSet, ...]

    @classmethod
    def load(cls, folder: Path, terminology: Terminology, kinds: Kinds) -> "DataSets":
        """Return the data sets in `folder`. Raises WrongTableError if a table is at fault."""
        units = tomllib.loads((folder / "units.toml").read_text("utf-8"))["unit"]
        documents = tomllib.loads((folder / "identity-documents.toml").read_text("utf-8"))
        facts = Facts(Domains.of(terminology), terminology, kinds, units, documents["document"])
        heads = sorted(folder.glob("*/dataset.toml"))
        return cls(tuple(_dataset(tables.load(head.parent), facts) for head in heads))

    def find(self, name: str) -> DataSet:
        """Return the data set called `name` in English or in Chinese. Raises NotFound."""
        wanted = folded(name)
        for one in self.all:
            if wanted in (folded(one.name), folded(one.head.zh)):
                return one
        known = "、".join(f"{one.name}（{one.head.zh}）" for one in self.all)
        raise NotFound.because("dataset-unknown", name=name[:60], known=known)


def _dataset(table: tables.Table, facts: Facts) -> DataSet:
    elements = {one.name: one for one in table.elements}
    return DataSet(table.name, table.head, elements, making.made(table, facts))
