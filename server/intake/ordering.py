"""Resources as they stood in the row that they came of, so that the row comes back as it was."""

from collections.abc import Mapping, Sequence
from typing import Any

from server.fhir.error_entries import is_in_error
from server.fhir.json import Resource
from server.intake.belongings import Belongings
from server.mappings.layout import full_url

Json = Any


def ordered(resources: Sequence[Resource], belongings: Belongings) -> list[Resource]:
    """Return `resources` without what was entered in error.

    First come those that a row has made, as they stood in it, with its links between them; then all
    others.
    """
    live = [one for one in resources if not is_in_error(one)]
    places = {one["id"]: place for one in live if (place := belongings.place(one)) is not None}
    links = {
        f"{one['resourceType']}/{one['id']}": full_url(*places[one["id"]])
        for one in live
        if one["id"] in places
    }
    roots = {str(one.path): number for number, one in enumerate(belongings.dataset.roots)}

    def rank(resource: Resource) -> tuple[int, int]:
        path, index = places.get(resource["id"], ("", 0))
        return roots.get(path, len(roots)), index

    return [_linked(one, links) for one in sorted(live, key=rank)]


def _linked(node: Json, links: Mapping[str, str]) -> Json:
    """Return `node` with the references that `links` has replaced."""
    if isinstance(node, list):
        return [_linked(one, links) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        name: links.get(value, value)
        if name == "reference" and isinstance(value, str)
        else _linked(value, links)
        for name, value in node.items()
    }
