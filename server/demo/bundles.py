"""The demo region as EMR systems would push it: as transaction Bundles.

The institutions come first, under their ids. Each resident is one Bundle whose entries refer to
each other by ``urn:uuid`` and to institutions by their identifiers, and which makes the Patient
only if there is none with these identifiers.

Spec: https://hl7.org/fhir/R4/http.html#transaction
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from server.demo.institutions import institutions
from server.demo.residents import residents
from server.fhir.json import Resource

_AT_MOST = 500


def bundles(count: int, seed: int) -> Iterator[Resource]:
    """Yield the Bundles of the institutions and of `count` residents, which depend on `seed`."""
    known = list(institutions())
    rest = iter(known)
    while some := list(islice(rest, _AT_MOST)):
        yield _transaction([_put(one) for one in some])
    named = {f"{one['resourceType']}/{one['id']}": _criteria(one) for one in known}
    conditional = {name: f"{name.partition('/')[0]}?{text}" for name, text in named.items() if text}
    for record in residents(count, seed):
        yield _record(record, conditional)


def _record(record: Sequence[Resource], conditional: Mapping[str, str]) -> Resource:
    urls = {f"{one['resourceType']}/{one['id']}": _full_url(one) for one in record}
    return _transaction([_post(one, {**conditional, **urls}) for one in record])


def _post(resource: Resource, links: Mapping[str, str]) -> dict[str, Any]:
    request = {"method": "POST", "url": resource["resourceType"]}
    if resource["resourceType"] == "Patient":
        request["ifNoneExist"] = _criteria(resource) or ""
    content = {name: value for name, value in resource.items() if name != "id"}
    return {
        "fullUrl": _full_url(resource),
        "resource": _linked(content, links),
        "request": request,
    }


def _put(resource: Resource) -> dict[str, Any]:
    url = f"{resource['resourceType']}/{resource['id']}"
    return {"resource": resource, "request": {"method": "PUT", "url": url}}


def _linked(value: Any, links: Mapping[str, str]) -> Any:  # noqa: ANN401  # any JSON
    if isinstance(value, list):
        return [_linked(one, links) for one in value]
    if not isinstance(value, dict):
        return value
    found = {key: _linked(inner, links) for key, inner in value.items()}
    if isinstance(found.get("reference"), str):
        found["reference"] = links.get(found["reference"], found["reference"])
    return found


def _criteria(resource: Resource) -> str | None:
    identifiers = resource.get("identifier")
    if not identifiers:
        return None
    first = identifiers[0]
    return f"identifier={quote(first['system'], safe=':')}|{quote(first['value'], safe='')}"


def _full_url(resource: Resource) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, resource['id'])}"


def _transaction(entries: Sequence[dict[str, Any]]) -> Resource:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}
