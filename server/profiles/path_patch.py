"""FHIRPath Patch: operations in a Parameters resource, each on an element that a path names.

Done are add, insert, delete, replace and move, in their order, all of them or none. Where R4 is
silent we do as R5 says: a path has to name one element; only what is to be deleted may be missing.

Spec: https://hl7.org/fhir/R4/fhirpatch.html, https://hl7.org/fhir/R5/fhirpatch.html
"""

from collections.abc import Sequence
from dataclasses import replace

from server.fhir import json
from server.fhir.outcome import Unprocessable
from server.profiles import fhirpath
from server.profiles.fhirpath import Node
from server.profiles.finding import Finding
from server.profiles.making import Making
from server.profiles.patch_operations import Operation
from server.profiles.places import Elements, Object, Place, put, size, take


def applied(elements: Elements, patch: Sequence[Operation], resource: bytes) -> bytes:
    """Return `resource`, which is valid, with all of `patch` done to it; itself if nothing changes.

    Raises Unprocessable if an operation cannot be done, TooCostly if that takes too long.
    """
    document = json.exact(resource)
    before = json.dumps(document)
    change = _Change(elements, document)
    for operation in patch:
        change.make(operation)
    after = json.dumps(document)
    return resource if after == before else after


def asks(patch: Sequence[Operation]) -> bool:
    """Tell whether `patch` asks what there is, so that whether it can be done tells of it."""
    return not all(_only_names(operation.tree) for operation in patch)


def _only_names(tree: Node) -> bool:
    match tree:
        case fhirpath.Member(source, _) | fhirpath.Index(source, _):
            return _only_names(source)
    return isinstance(tree, fhirpath.Name)


class _Change:
    """A resource that is being changed in place."""

    def __init__(self, elements: Elements, resource: Object) -> None:
        self._elements = elements
        self._finding = Finding(elements, resource)
        self._making = Making(elements)

    def make(self, operation: Operation) -> None:
        """Do `operation`."""
        match operation.type:
            case "add":
                self._add(operation)
            case "insert":
                self._insert(operation)
            case "delete":
                self._delete(operation)
            case "replace":
                self._replace(operation)
            case _:
                self._move(operation)

    def _add(self, operation: Operation) -> None:
        where = operation.where
        place = _one(operation, self._found(operation, operation.tree))
        made = self._making.made(place.type, operation.name, operation.value, where)
        self._making.add(place, made, where)

    def _insert(self, operation: Operation) -> None:
        place, name = self._list(operation)
        made = self._making.made(place.type, name, operation.value, operation.where)
        holder = self._elements.inside(place)
        _check_index(operation, operation.index, size(holder, made.key) + 1)
        put(holder, made.key, operation.index, made.content)

    def _delete(self, operation: Operation) -> None:
        found = self._found(operation, operation.tree)
        if found:
            _part(operation, found)[0].remove()

    def _replace(self, operation: Operation) -> None:
        place, above = _part(operation, self._found(operation, operation.tree))
        name = self._elements.slot(above, place.key).name
        made = self._making.made(above.type, name, operation.value, operation.where)
        if made.key != place.key:  # a choice, of another type from now on
            place.holder.pop(place.key, None)
            place.holder.pop(f"_{place.key}", None)
        Place(made.slot.type, place.holder, made.key, place.index).fill(made.content)

    def _move(self, operation: Operation) -> None:
        place, name = self._list(operation)
        holder, (key, _) = (
            self._elements.inside(place),
            self._elements.properties(place.type, name)[0],
        )
        for index in (operation.source, operation.destination):
            _check_index(operation, index, size(holder, key))
        put(holder, key, operation.destination, take(holder, key, operation.source))

    def _found(self, operation: Operation, tree: Node) -> list[Place]:
        try:
            return self._finding.found(tree)
        except Unprocessable as refusal:
            issues = (replace(issue, expression=operation.where) for issue in refusal.issues)
            raise Unprocessable(*issues) from None

    def _list(self, operation: Operation) -> tuple[Place, str]:
        """Return the element that has the list which the path ends in, and the list's name.

        The list itself may be empty; then the path finds nothing.
        """
        match operation.tree:
            case fhirpath.Member(source, name):
                place = _one(operation, self._found(operation, source))
            case fhirpath.Name(name) if name[0].islower():
                place = self._finding.root
            case _:
                raise Unprocessable.because("patch-path-no-list", operation.where)
        properties = self._elements.properties(place.type, name)
        if not properties:
            raise Unprocessable.because(
                "patch-element-unknown", operation.where, type=place.type, name=name[:40]
            )
        if not properties[0][1].many:
            raise Unprocessable.because("patch-path-no-list", operation.where)
        return place, name


def _one(operation: Operation, found: Sequence[Place]) -> Place:
    if len(found) != 1:
        message = "patch-path-finds-several" if found else "patch-path-finds-nothing"
        raise Unprocessable.because(message, operation.where)
    return found[0]


def _part(operation: Operation, found: Sequence[Place]) -> tuple[Place, Place]:
    """Return the one element that was `found`, and what it is a part of."""
    place = _one(operation, found)
    if place.above is None:
        raise Unprocessable.because("patch-whole-resource", operation.where)
    return place, place.above


def _check_index(operation: Operation, index: int, end: int) -> None:
    if index >= end:
        raise Unprocessable.because("patch-index-too-large", operation.where, index=index, end=end)
