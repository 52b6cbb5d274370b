"""The sections of a document: what stands in them, and which rows of a table that may be.

Spec: WS/T 482-2016 卫生信息共享文档编制规范 (sections and entries),
https://www.nhc.gov.cn/wjw/s9497/wsbz.shtml
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element as Node

from server.mappings.cda.items import Path, is_cluster
from server.mappings.cda.tables import Document, Row
from server.mappings.headers import folded

_OF_ONE_KIND = ("procedure", "substanceAdministration")
"""Acts that can be nothing else, wherever they stand."""
_UNDONE = ("nullified", "cancelled", "aborted", "obsolete")


def code(node: Node) -> str:
    """Return the code of `node`, a section or what stands in it; without one, its name."""
    found = node.find("code")
    if found is None:
        return ""
    given = found.get("code", "").strip()
    return given or (found.get("displayName", "").strip() if node.tag == "section" else "")


TakenBack = tuple[str, str]
"""Why a document does not mean what it says: a message, and the status if there is one."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where something stands in `section`, of which there is the number: 0 is the header.

    `path` goes from the outside to the node itself, and `clusters` are those of it in which all is
    one item.
    """

    path: Path = ()
    clusters: Path = ()
    section: int = 0
    taken_back: TakenBack | None = None

    def beneath(self, node: Node) -> "Standing":
        """Return where `node` stands, which is a child of the last one."""
        return Standing(
            (*self.path, node),
            (*self.clusters, node) if is_cluster(node) else self.clusters,
            self.section,
            self.taken_back or _taken_back(node),
        )


def walked(node: Node, at: Standing) -> Iterator[Standing]:
    """Yield all in the section `node` as it stands there."""
    for one in node:
        if one.tag == "section" or (not at.path and one.tag == "text"):
            continue  # the one is gone through by itself, the other is for people
        inner = at.beneath(one)
        yield inner
        yield from walked(one, inner)


def _taken_back(node: Node) -> TakenBack | None:
    if node.get("negationInd", "").strip().lower() in ("true", "1"):
        return "cda-negated", ""
    status = node.find("statusCode")
    given = "" if status is None else status.get("code", "").strip().lower()
    return ("cda-undone", given) if given in _UNDONE else None


@dataclass(frozen=True, slots=True)
class Place:
    """A section of `document` with its `code`, which may be one that the table does not know."""

    document: Document
    code: str

    def parts(self, node: Node) -> list[Row]:
        """Return the rows of which `node` is the act, if it can be that of no other section."""
        rows = self.document.by_act.get(node.tag, ())
        is_sure = node.tag in _OF_ONE_KIND and len(_sections(rows)) == 1
        return [row for row in rows if is_sure or row.section == self.code]

    def doubtful(self, node: Node) -> list[Row]:
        """Return the rows of which `node` may be the act, but in a section that is not known."""
        if self.code in self.document.sections or node.tag in _OF_ONE_KIND:
            return []
        return [*self.document.by_act.get(node.tag, ())]

    def meant(self, de: str, names: Iterable[str]) -> tuple[Row, ...] | None:
        """Return the rows of the element `de` that is called one of `names`.

        There are none if the document has no such element, and None if it may be one or another.
        """
        rows = self.document.by_de.get(de, ())
        here = tuple(one for one in rows if one.section == self.code) or rows
        wanted = {folded(name) for name in names} - {""}
        called = tuple(one for one in here if wanted & {folded(name) for name in one.display})
        if not called and any(one.display for one in here):
            return None
        found = called or here
        apart = [[one for one in found if one.section == name] for name in _sections(found)]
        are_one = len({tuple((one.path, one.element) for one in rows) for rows in apart}) <= 1
        return tuple(apart[0]) if apart and are_one else None if apart else ()


def _sections(rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(one.section for one in rows))
