"""What an element of a CDA document says, as a cell of a data set has it.

Spec: WS/T 482-2016 卫生信息共享文档编制规范 (data types ST, CD, PQ, MO, BL, INT, REAL, TS),
https://www.nhc.gov.cn/wjw/s9497/wsbz.shtml
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element as Node

from server.mappings.cda.tables import Row
from server.mappings.cda.texts import plain, tidy
from server.mappings.domains import Domain
from server.records.cells import Told

_POSTCODE = "postalCode"
_PARTS = (
    "country", "state", "city", "county", "precinct", "township", "streetAddressLine",
    "streetName", "houseNumber", "houserNumber",
)  # fmt: skip
_PLACES = {name: place for place, name in enumerate(_PARTS)}
"""The parts of an address, the largest first; templates in use spell the last one both ways."""
_MOMENT = re.compile(r"([0-9]{8})([0-9]{4}|[0-9]{6})?(?:\.[0-9]+)?([+-][0-9]{4})?")
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

    `units` has the UCUM code of what documents write for a unit. `has_postcode` if another row
    keeps the postal code of an address.
    """

    row: Row
    kind: str
    domain: Domain | None
    units: Mapping[str, str]
    has_postcode: bool = False

    def unit(self, written: str) -> str:
        """Return the UCUM code of a unit as it is `written`; one without dimension has none."""
        return {"1": ""}.get(written, self.units.get(written, written))


def said(asked: Asked, node: Node) -> Said:
    """Return what `node` says for what is `asked`."""
    if "nullFlavor" in node.attrib:
        return Said("")
    if asked.row.constant:
        return Said(asked.row.constant)
    return _READERS.get(asked.row.type, _text)(asked, node)


def _text(asked: Asked, node: Node) -> Said:
    text = plain(node)
    if asked.kind == "flag":
        return Said(_FLAGS.get(text, text))
    # A result such as 阴性 comes as a code, and is kept by its name.
    return Said(text or tidy(node.get("displayName", "")))


def _code(asked: Asked, node: Node) -> Said:
    row, domain = asked.row, asked.domain
    code = (node.get("code") or plain(node)).strip()
    display = node.get("displayName", "").strip()
    if asked.kind not in ("code", "marks", "digits"):
        return Said(display or code)
    if not code:
        code = domain.called(display) if domain is not None else ""
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
    text, unit = plain(node), node.get("unit", "").strip()
    expected = asked.row.unit
    is_same = asked.unit(unit) in (asked.unit(expected), "")
    if text and expected and not is_same:
        arguments = {"given": unit[:40], "expected": expected}
        return Said(text, told=(Told("cda-unit", text, arguments),))
    return Said(text, unit=unit)


def _measured(asked: Asked, node: Node) -> Said:
    """Return a result that may be a text, with the unit that it may have."""
    unit = node.get("unit", "").strip()
    return Said(_text(asked, node).text, unit=unit if asked.unit(unit) else "")


def _money(_: Asked, node: Node) -> Said:
    text = plain(node)
    currency = (node.get("currency") or node.get("unit") or "").strip()
    if currency not in _YUAN:
        arguments = {"given": currency[:40], "expected": "CNY"}
        return Said(text, told=(Told("cda-unit", text, arguments),))
    return Said(text)


def _address(asked: Asked, node: Node) -> Said:
    """Return an address with the largest part first; one with text between them stays in order."""
    parts = [one for one in node if one.tag != _POSTCODE]
    is_mixed = any((text or "").strip() for text in (node.text, *(one.tail for one in node)))
    if is_mixed:
        texts = [node.text or ""]
        for one in node:
            texts += ["" if one.tag == _POSTCODE else plain(one), one.tail or ""]
    else:
        parts.sort(key=lambda one: _PLACES.get(one.tag, len(_PLACES)))
        texts = [plain(one) for one in parts]
    text = tidy("".join(map(tidy, texts))) or tidy(node.get("value", ""))
    codes = [] if asked.has_postcode else [plain(one) for one in node.findall(_POSTCODE)]
    told = tuple(Told("cda-not-kept", one, {}, "warning") for one in codes if one)
    return Said(text, told=told)


def _moment(asked: Asked, node: Node) -> Said:
    """Return a moment of HL7 v3 as a data set writes it; what is none is left as it is.

    So the data set refuses it. Of digits there are 8, 12 or 14: 4, 6 or 10 do not tell when.
    """
    text = plain(node)
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
    "REAL": _measured,
    "AD": _address,
    "TS": _moment,
    "ID": lambda _, node: Said(node.get("extension", "").strip()),
    "TEL": lambda _, node: Said(plain(node).removeprefix("tel:")),
}
"""What reads a value, by the type that its table says; any other is a text."""
