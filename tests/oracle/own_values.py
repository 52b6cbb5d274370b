"""The searches that a value has to be found by: its own, written the ways that a query allows."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from tests.oracle import times, values
from tests.oracle.facts import facts
from tests.oracle.paths import Node, evaluate, of_resource
from tests.oracle.texts import escaped, folded

Json = dict[str, Any]
_BEGINNING = 40
_COMPARED = {"<": "lt", "<=": "le", ">=": "ge", ">": "gt"}


def searches(resource: Json, code: str) -> Iterator[str]:
    """Yield values of the parameter `code`, each of which finds `resource`."""
    fact = facts().parameters[resource["resourceType"]][code]
    if fact.get("expression"):
        nodes = evaluate(fact["expression"], of_resource(resource))
        yield from dict.fromkeys(text for node in nodes for text in _found_by(fact, node))


def _found_by(fact: Json, node: Node) -> Iterator[str]:
    if fact["code"] == "phonetic":
        yield from _spoken(node)
        return
    if fact["type"] != "composite":
        for one in values.simple([node]):
            yield from _OF_KIND[fact["type"]](one)
        return
    parts = []
    for url, how in fact["components"]:
        kind = facts().by_url[url]["type"]
        found = values.simple(evaluate(how, node))
        parts.append([text for one in found for text in _OF_KIND[kind](one)][:2])
    yield from ("$".join(part) for part in product(*parts))


def _spoken(node: Node) -> Iterator[str]:
    """Yield each "portion of either family or given name"."""
    if node.type == "HumanName":
        parts = {key: node.value[key] for key in ("family", "given") if key in node.value}
        yield from _string(Node(parts, node.type, node.path, node.root))
    else:
        yield from _string(node)


def _token(node: Node) -> Iterator[str]:
    for system, code in values.codes(node):
        if code is not None:
            yield escaped(code)
            yield f"{escaped(system or '')}|{escaped(code)}"
        if system:
            yield f"{escaped(system)}|"


def _string(node: Node) -> Iterator[str]:
    for text in values.strings(node):
        if folded(text[:_BEGINNING]):
            yield escaped(text[:_BEGINNING])


def _date(node: Node) -> Iterator[str]:
    value = node.value
    if times.of_value(node.type, value) is None:
        return
    if node.type == "Timing":
        bounds = value.get("repeat", {}).get("boundsPeriod", {})
        starts = [*value.get("event", ()), bounds.get("start")]
        yield from (f"ge{one}" for one in starts if one)
    elif node.type == "Period":
        yield from (f"ge{one}" for one in [value.get("start")] if one)
        yield from (f"le{one}" for one in [value.get("end")] if one)
    else:
        yield value


def _number(node: Node) -> Iterator[str]:
    if node.type == "Range":
        yield from (f"ge{node.value[end]['value']}" for end in ("low",) if end in node.value)
    else:
        yield str(node.value)


def _quantity(node: Node) -> Iterator[str]:
    value = node.value
    if node.type == "Range":
        value = value.get("low", {})
    if not isinstance(value, dict) or value.get("value") is None:
        return
    prefix = "ge" if node.type == "Range" else _COMPARED.get(value.get("comparator", ""), "")
    number = f"{prefix}{value['value']}"
    yield number
    if node.type != "Money":
        for unit in (value.get("unit"), value.get("code")):
            if unit:
                yield f"{number}||{escaped(unit)}"
        if value.get("system") and value.get("code"):
            yield f"{number}|{escaped(value['system'])}|{escaped(value['code'])}"


def _uri(node: Node) -> Iterator[str]:
    yield escaped(str(node.value))


def _reference(node: Node) -> Iterator[str]:
    text = node.value
    if node.type == "Reference":
        text = node.value.get("reference", "#")
    elif isinstance(text, dict):
        text = f"{text['resourceType']}/{text['id']}" if "id" in text else "#"
    if not text.startswith("#"):
        yield escaped(text)


_OF_KIND = {
    "token": _token,
    "string": _string,
    "date": _date,
    "number": _number,
    "quantity": _quantity,
    "uri": _uri,
    "reference": _reference,
}
