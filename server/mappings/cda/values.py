"""What an element of a CDA document says, as a cell of a data set has it.

Spec: WS/T 482-2016 卫生信息共享文档编制规范 (data types ST, CD, PQ, MO, BL, INT, REAL, TS),
https://www.nhc.gov.cn/wjw/s9497/wsbz.shtml
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element as Node

from server.mappings.cda.tables import Row
from server.mappings.domains import Domain
from server.records.cells import Told

_PARTS = ("state", "city", "county", "township", "streetName", "houseNumber", "houserNumber")
"""The parts of an address, the largest first; templates in use spell the last one both ways."""
_MOMENT = re.compile(r"([0-9]{8})([0-9]{4,6})?(?:\.[0-9]+)?([+-][0-9]{4})?")
_CHINA = ("+0800", None)
_YUAN = ("", "元", "CNY", "RMB", "人民币元", "人民币")
_FLAGS = {"true": "T", "false": "F"}


@dataclass(frozen=True, slots=True)
class Said:
    """What was found: the `text` of a cell, what stands beside it, and what is to be told."""

    text: str
    unit: str = ""
    display: str = ""
    told: tuple[Told, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a value is read for: its `row`, and the `kind` and `domain` of the data set's element.

    `units` has the UCUM code of what documents write for a unit.
    """

    row: Row
    kind: str
    domain: Domain | None
    units: Mapping[str, str]


def said(asked: Asked, node: Node) -> Said:
    """Return what `node` says for what is `asked`."""
    if "nullFlavor" in node.attrib:
        return Said("")
    if asked.row.constant:
        return Said(asked.row.constant)
    return _READERS.get(asked.row.type, _text)(asked, node)


def _text(asked: Asked, node: Node) -> Said:
    text = _plain(node)
    return Said(_FLAGS.get(text, text) if asked.kind == "flag" else text)


def _plain(node: Node) -> str:
    """Return the text of `node`, or what it has as its value: both are in use for all types."""
    text = "".join(node.itertext()).strip()
    return text or node.get("value", "").strip()


def _code(asked: Asked, node: Node) -> Said:
    row, domain = asked.row, asked.domain
    code = (node.get("code") or _plain(node)).strip()
    display = node.get("displayName", "").strip()
    if asked.kind not in ("code", "marks", "digits"):
        return Said(display or code)
    known = str(domain.coding(code).get("display", "")) if domain is not None and code else ""
    system = node.get("codeSystem", "")
    told: tuple[Told, ...] = ()
    if code and system and row.systems and not system.startswith(row.systems):
        # A table that is called wrong is met in public templates; the name then tells.
        severity = "warning" if display and display == known else "error"
        arguments = {"given": system[:60], "expected": ", ".join(row.systems)}
        told = (Told("cda-code-system", code, arguments, severity),)
    return Said(code, display=display or known, told=told)


def _quantity(asked: Asked, node: Node) -> Said:
    units = asked.units
    text, unit = _plain(node), node.get("unit", "").strip()
    expected = asked.row.unit
    is_same = units.get(unit, unit) in (units.get(expected, expected), "1", "")
    if text and expected and not is_same:
        arguments = {"given": unit[:40], "expected": expected}
        return Said(text, told=(Told("cda-unit", text, arguments),))
    return Said(text, unit=unit)


def _money(_: Asked, node: Node) -> Said:
    text = _plain(node)
    currency = (node.get("currency") or node.get("unit") or "").strip()
    if currency not in _YUAN:
        arguments = {"given": currency[:40], "expected": "CNY"}
        return Said(text, told=(Told("cda-unit", text, arguments),))
    return Said(text)


def _address(_: Asked, node: Node) -> Said:
    return Said("".join(_parts(node)))


def _parts(node: Node) -> Iterator[str]:
    if any(len(one) == 0 and one.tag in _PARTS for one in node):
        for name in _PARTS:
            yield from ((one.text or "").strip() for one in node if one.tag == name)
    else:
        yield (node.text or "").strip()


def _moment(asked: Asked, node: Node) -> Said:
    """Return a moment of HL7 v3 as a data set writes it; what is none is left as it is."""
    text = _plain(node)
    match = _MOMENT.fullmatch(text)
    if match is None or match[3] not in _CHINA:
        return Said(text)
    if asked.kind == "date" or not match[2]:
        return Said(match[1])
    return Said(f"{match[1]}T{match[2]:0<6}")


_READERS: Mapping[str, Callable[[Asked, Node], Said]] = {
    "CD": _code,
    "PQ": _quantity,
    "MO": _money,
    "QTY": lambda _, node: Said(node.get("value", "") + node.get("unit", "")),
    "AD": _address,
    "TS": _moment,
    "ID": lambda _, node: Said(node.get("extension", "").strip()),
    "TEL": lambda _, node: Said(_plain(node).removeprefix("tel:")),
}
"""What reads a value, by the type that its table says; any other is a text."""
