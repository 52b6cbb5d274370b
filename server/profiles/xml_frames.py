"""The elements of an XML body that are open while it is read, and the faults in them."""

from dataclasses import dataclass, field
from typing import Any

from server.fhir.outcome import Issue, Unprocessable
from server.profiles.explain import brief
from server.profiles.shapes import Shape, Slot
from server.profiles.structure import MOST
from server.profiles.thorough import quoted


@dataclass(slots=True, kw_only=True)
class Frame:
    """One open element, as far as it has been read.

    `shape` is that of what stands within it, None if that is one resource. `slot` is the place
    of the element in its parent, None for a resource, and `value` its value if it is primitive.
    `index` is its number among those of one name, None where there can be one only.
    """

    parent: "Frame | None" = None
    name: str = ""
    depth: int = 0
    slot: Slot | None = None
    shape: Shape | None = None
    index: int | None = None
    value: object = None
    properties: dict[str, Any] = field(default_factory=dict)
    _lists: tuple[str, ...] = ()

    def resource(self, type: str, shape: Shape) -> "Frame":
        """Return the frame of a resource of `type` that begins within this place for one."""
        properties = {"resourceType": type}
        return Frame(
            parent=self, name=type, depth=self.depth + 1, shape=shape, properties=properties
        )

    def element(self, name: str, slot: Slot, shape: Shape | None) -> "Frame":
        """Return the frame of the element `name` that begins within this one."""
        index = len(self.properties.get(name, ())) if slot.many else None
        return Frame(
            parent=self, name=name, depth=self.depth + 1, slot=slot, shape=shape, index=index
        )

    def has(self, name: str) -> bool:
        """Tell whether the property `name` or its sibling is there already."""
        return name in self.properties or f"_{name}" in self.properties

    def close(self) -> str | None:
        """Give what was read to the parent; return the message that it is nothing, if so."""
        for name in self._lists:
            if all(one is None for one in self.properties[name]):
                del self.properties[name]
        parent, slot = self.parent, self.slot
        if parent is None:
            return None
        if slot is None:
            parent.properties["resource"] = self.properties
        elif slot.primitive:
            parent.put_primitive(self.name, slot, self.value, self.properties or None)
        else:
            within = self.properties if self.shape is not None else self.properties.get("resource")
            parent.put(self.name, slot, within)
        if slot is not None and self.value is None and not self.properties:
            return "xml-empty-element" if self.shape is not None else "xml-resource-missing"
        return None

    def put(self, name: str, slot: Slot, value: object) -> None:
        """Take the `value` of the property `name`."""
        if slot.many:
            self.properties.setdefault(name, []).append(value)
        else:
            self.properties[name] = value

    def put_primitive(self, name: str, slot: Slot, value: object, sibling: object) -> None:
        """Take the `value` of the primitive property `name`, and what stands beside it in JSON."""
        if slot.many:
            if name not in self.properties:
                self._lists += (name, f"_{name}")
            self.put(name, slot, value)
            self.put(f"_{name}", slot, sibling)
            return
        if value is not None:
            self.properties[name] = value
        if sibling is not None:
            self.properties[f"_{name}"] = sibling

    @property
    def path(self) -> str:
        """Return the FHIRPath of this element; that of a resource is that of its place."""
        if self.parent is None or self.slot is None:
            outer = self.parent.path if self.parent is not None else ""
            return outer or self.name
        number = "" if self.index is None else f"[{self.index}]"
        return f"{self.parent.path}.{quoted(self.slot.name)}{number}"


class Faults:
    """The faults of one body; reading ends when there are more than anybody reads."""

    def __init__(self) -> None:
        self._found: list[Issue] = []

    def add(
        self, frame: Frame, code: str, message: str, name: str | None = None, /, **arguments: str
    ) -> None:
        """Add the fault `message` of what `frame` stands for, or of the element `name` in it.

        Raises Unprocessable if there are too many.
        """
        within = "" if name is None else quoted(name)
        path = ".".join(part for part in (frame.path, within) if part)
        shown = {key: brief(value) for key, value in arguments.items()}
        self._found.append(Issue(code, message, shown, path or None))
        if len(self._found) == MOST:
            self._found.append(Issue("incomplete", "structure-more-faults", {"shown": MOST}))
            self.refuse()

    def refuse(self) -> None:
        """Raise Unprocessable if there are any faults."""
        if self._found:
            raise Unprocessable(*self._found)
