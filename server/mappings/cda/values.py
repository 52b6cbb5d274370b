"""What an element of a CDA document says, as a cell of a data set has it.

Spec: WS/T 482-2016 卫生信息共享文档编制规范 (data types ST, CD, PQ, MO, BL, INT, REAL, TS)
"""

import re
from collections.abc import Iterator, Mapping
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


def said(row: Row, node: Node, kind: str, domain: Domain | None, units: Mapping[str, str]) -> Said:
    """Return what `node` says for `row`, whose element of the data set is of `kind`."""
    if "nullFlavor" in node.attrib:
        return Said("")
    if row.constant:
        return Said(row.constant)
    match row.type:
        case "CD":
            return _code(row, node, kind, domain)
        case "PQ":
            return _quantity(row, node, units)
        case "MO":
            return _money(node)
        case "QTY":
            return Said("".join(one for one in (node.get("value"), node.get("unit")) if one))
        case "AD":
            return Said("".join(_address(node)))
        case "TS":
            return Said(_moment(_plain(node), kind))
        case "ID":
            return Said(node.get("extension", "").strip())
        case "TEL":
            return Said(_plain(node).removeprefix("tel:"))
    text = _plain(node)
    return Said(_FLAGS.get(text, text) if kind == "flag" else text)


def _plain(node: Node) -> str:
    """Return the text of `node`, or what it has as its value: both are in use for all types."""
    text = "".join(node.itertext()).strip()
    return text or node.get("value", "").strip()


def _code(row: Row, node: Node, kind: str, domain: Domain | None) -> Said:
    code = (node.get("code") or _plain(node)).strip()
    display = node.get("displayName", "").strip()
    if kind not in ("code", "marks", "digits"):
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


def _quantity(row: Row, node: Node, units: Mapping[str, str]) -> Said:
    text, unit = _plain(node), node.get("unit", "").strip()
    expected = row.unit
    is_same = units.get(unit, unit) in (units.get(expected, expected), "1", "")
    if text and expected and not is_same:
        arguments = {"given": unit[:40], "expected": expected}
        return Said(text, told=(Told("cda-unit", text, arguments),))
    return Said(text, unit=unit)


def _money(node: Node) -> Said:
    text = _plain(node)
    currency = (node.get("currency") or node.get("unit") or "").strip()
    if currency not in _YUAN:
        arguments = {"given": currency[:40], "expected": "CNY"}
        return Said(text, told=(Told("cda-unit", text, arguments),))
    return Said(text)


def _address(node: Node) -> Iterator[str]:
    if any(len(one) == 0 and one.tag in _PARTS for one in node):
        for name in _PARTS:
            yield from ((one.text or "").strip() for one in node if one.tag == name)
    else:
        yield (node.text or "").strip()


def _moment(text: str, kind: str) -> str:
    """Return a moment of HL7 v3 as a data set writes it; what is none is left as it is."""
    match = _MOMENT.fullmatch(text)
    if match is None or match[3] not in _CHINA:
        return text
    if kind == "date" or not match[2]:
        return match[1]
    return f"{match[1]}T{match[2]:0<6}"
