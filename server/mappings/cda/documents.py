"""Documents of WS/T 500 in XML, which become rows of data sets, and so records of visits.

    documents = Documents.load(content.MAPPINGS, datasets)
    read = documents.read(body)
    read.document.head.zh            # 西药处方
    read.row                         # what was found, by the names of elements
    read.read.record, read.faults    # the EncounterRecord, and what is wrong with it

Spec: WS/T 500.1-53-2016 电子病历共享文档规范; docs/cda.md,
https://www.nhc.gov.cn/wjw/s9497/wsbz.shtml
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element as Node

from server.fhir.outcome import Unprocessable
from server.mappings.cda import tables, tree
from server.mappings.cda.finding import Finding
from server.mappings.cda.tables import Document
from server.mappings.datasets import DataSet, DataSets, Read

MEDIA_TYPE = "application/hl7-v3+xml"
"""How a document is posted, to the type that it becomes a record `OF`."""
OF = "EncounterRecord"
_TEMPLATES = "2.16.156.10011.2.1.1."


@dataclass(frozen=True, slots=True)
class Papers:
    """What was read of one document: its type, its row, and what the row comes to."""

    document: Document
    row: Mapping[str, str]
    read: Read

    @property
    def dataset(self) -> DataSet:
        """Return the data set that the row is of."""
        return self.document.dataset


@dataclass(frozen=True, slots=True)
class Documents:
    """The document types that are read, by their code."""

    by_code: Mapping[str, Document]
    units: Mapping[str, str]

    @classmethod
    def load(cls, folder: Path, datasets: DataSets) -> "Documents":
        """Return those whose tables are in ``CDA`` of `folder`. Raises WrongTableError."""
        units = tomllib.loads((folder / "units.toml").read_text("utf-8"))["unit"]
        found = tables.load(folder / "CDA", datasets)
        return cls({one.head.code: one for one in found}, units)

    def read(self, body: bytes) -> Papers:
        """Return what the document `body` comes to, its faults among those of `Papers.read`.

        Raises BadRequest if it is no right XML, TooLarge, and Unprocessable if it is no document of
        a type that is read.
        """
        root = tree.parsed(body)
        document = self._type(root)
        finding = Finding(document, self.units)
        row = finding.of(root)
        read = document.dataset.read(row)
        return Papers(document, row, Read(read.entries, (*finding.faults, *read.faults)))

    def _type(self, root: Node) -> Document:
        if root.tag != "ClinicalDocument":
            raise Unprocessable.because("cda-no-document", name=root.tag[-60:])
        code = root.find("code")
        given = "" if code is None else code.get("code", "")
        templates = [one.get("root", "") for one in root.findall("templateId")]
        known = "、".join(f"{one.head.code} {one.head.zh}" for one in self.by_code.values())
        found = self.by_code.get(given)
        ours = [one for one in templates if one.startswith(_TEMPLATES)]
        if found is None:
            said = given or ", ".join(templates) or "-"
            raise Unprocessable.because("cda-document-unknown", code=said[:60], known=known)
        if ours and found.head.template not in ours:
            raise Unprocessable.because(
                "cda-template-differs", code=given, template=ours[0][:60],
                expected=found.head.template,
            )  # fmt: skip
        return found
