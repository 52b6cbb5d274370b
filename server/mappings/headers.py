"""Which column of a file is which data element.

A header is a Chinese name, a DE or an HDSD id, with or without the number of a repeated column at
its end: ``其他诊断编码2``, ``DE05.01.024.04#2``.

Spec: WS 363.1-2011 5.1.2 (identifiers of data elements),
https://www.nhc.gov.cn/wjw/s9497/wsbz.shtml
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from server.fhir.outcome import Issue, Unprocessable
from server.mappings.tables import Element
from server.records.datasets import joined

_NUMBERED = re.compile(r"(.*?)(?:#([1-9][0-9]?)|\[([1-9][0-9]?)\]|([1-9][0-9]?))")
_SHOWN = 60


def folded(header: str) -> str:
    """Return `header` without what tells nothing: spaces, case, and whether brackets are wide."""
    bare = header.translate({0x3000: None, 0xFEFF: None, 0xFF08: "(", 0xFF09: ")"})
    return "".join(bare.split()).upper()


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a file: for each, the name of its element and the place of its value.

    `kinds` are those of their elements, by name.
    """

    names: tuple[tuple[str, int | None], ...]
    kinds: Mapping[str, str] = field(default_factory=dict)

    def row(self, cells: Sequence[str]) -> dict[str, str]:
        """Return the row that `cells` are, by the names of elements; what has no text is absent."""
        found: dict[str, str] = {}
        numbered: dict[str, dict[int, str]] = {}
        for (name, number), text in zip(self.names, cells, strict=False):
            if not text or not name:
                continue
            if number is None:
                found[name] = text
            else:
                numbered.setdefault(name, {})[number] = text
        for name, texts in numbered.items():
            values = (texts.get(number, "") for number in range(1, max(texts) + 1))
            found[name] = joined(values, self.kinds.get(name, "text"))
        return found


@dataclass(frozen=True, slots=True)
class Headers:
    """What the columns of a data set may be called."""

    by_header: Mapping[str, tuple[Element, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, elements: Sequence[Element]) -> "Headers":
        """Return what columns of `elements` may be called."""
        found: dict[str, tuple[Element, ...]] = {}
        for element in elements:
            # A name and its other spelling may be one.
            for key in dict.fromkeys(map(folded, element.headers)):
                found[key] = (*found.get(key, ()), element)
        return cls(found)

    def columns(self, row: Sequence[str]) -> Columns:
        """Return which element each of the headers in `row` means; one without a text means none.

        Raises Unprocessable with an issue for each header that is unknown or means several
        elements, and for each element that has two columns.
        """
        issues: list[Issue] = []
        names: list[tuple[str, int | None]] = []
        kinds: dict[str, str] = {}
        taken: dict[str, dict[int | None, str]] = {}
        for header in row:
            element, number = self._meant(header, issues)
            names.append((element.name if element else "", number))
            if element is None:
                continue
            kinds[element.name] = element.parsed.kind
            others = taken.setdefault(element.name, {})
            if others and (number is None or None in others or number in others):
                first = others.get(number) or next(iter(others.values()))
                said = {"element": element.name, "first": first, "second": header[:_SHOWN]}
                issues.append(Issue("duplicate", "dataset-header-twice", said))
            others[number] = header[:_SHOWN]
        if issues:
            raise Unprocessable(*issues)
        return Columns(tuple(names), kinds)

    def _meant(self, header: str, issues: list[Issue]) -> tuple[Element | None, int | None]:
        key = folded(header)
        if not key:
            return None, None
        number = None
        found = self.by_header.get(key, ())
        match = _NUMBERED.fullmatch(key)
        if not found and match is not None:
            number = int(match[2] or match[3] or match[4])
            found = tuple(one for one in self.by_header.get(match[1], ()) if one.repeats)
        if len(found) == 1:
            return found[0], number
        if found:
            names = "、".join(one.name for one in found)
            said = {"header": header[:_SHOWN], "elements": names}
            issues.append(Issue("multiple-matches", "dataset-header-ambiguous", said))
        else:
            said = {"header": header[:_SHOWN]}
            issues.append(Issue("not-found", "dataset-header-unknown", said))
        return None, None
