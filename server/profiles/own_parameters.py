"""Search parameters beyond R4's: SearchParameter resources, read as facts of the same shape.

Those that come with the server lie in ``profiles/SearchParameter/``, one file each; others are
stored like any resource. Only an active one is used.

Spec: https://hl7.org/fhir/R4/searchparameter.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from server.profiles.definitions import Definitions, SearchParameter


def load(folder: Path) -> tuple[SearchParameter, ...]:
    """Return the active parameters in `folder`, in the order of their file names.

    A folder that is not there has none. Raises ValueError if a file is no SearchParameter.
    """
    found = []
    for file in sorted(folder.glob("*.json")):
        resource = orjson.loads(file.read_bytes())
        if resource.get("resourceType") != "SearchParameter":
            message = f"{file.name} is no SearchParameter."
            raise ValueError(message)
        if is_active(resource):
            found.append(read(resource))
    return tuple(found)


def is_active(resource: Mapping[str, Any]) -> bool:
    """Tell whether the SearchParameter `resource` is to be used."""
    return resource.get("status") == "active"


def read(resource: Mapping[str, Any]) -> SearchParameter:
    """Return the facts in the SearchParameter `resource`, whose structure is valid."""
    components = resource.get("component", ())
    return SearchParameter(
        id=resource.get("id", ""),
        url=resource["url"],
        code=resource["code"],
        type=resource["type"],
        base=tuple(resource["base"]),
        expression=resource.get("expression"),
        target=tuple(resource.get("target", ())),
        components=tuple(
            (each["definition"].partition("|")[0], each["expression"]) for each in components
        ),
    )


def types(definitions: Definitions, parameter: SearchParameter) -> Iterator[str]:
    """Yield the resource types that `parameter` is for: its bases, and what is derived of them."""
    for type in definitions.resource_types:
        name: str | None = type
        while name is not None and name not in parameter.base:
            name = definitions.bases.get(name)
        if name is not None:
            yield type


def identity(parameter: SearchParameter) -> str:
    """Return the URL and a hash of all that decides what is indexed for `parameter`."""
    facts = (
        parameter.code,
        parameter.type,
        parameter.expression,
        sorted(parameter.target),
        parameter.components,
    )
    return f"{parameter.url}|{blake2b(repr(facts).encode(), digest_size=8).hexdigest()}"


Own = Mapping[str, tuple[SearchParameter, ...]]
"""Own parameters by resource type."""


@dataclass(frozen=True, slots=True)
class View:
    """The own parameters in force, and those among them that have index entries.

    `rejected` are active, but cannot be used: each with the reasons, in English.
    """

    own: Own = field(default_factory=dict)
    indexed: Own = field(default_factory=dict)
    rejected: tuple[tuple[SearchParameter, tuple[str, ...]], ...] = ()

    def identities(self, type: str) -> list[str]:
        """Return what tells the own parameters that `type` is indexed by from others, sorted."""
        return sorted(identity(one) for one in self.indexed.get(type, ()))

    def digest(self) -> str:
        """Return a text that is the same for views with the same parameters."""
        told = repr([(type, self.identities(type)) for type in sorted(self.indexed)])
        return blake2b(told.encode(), digest_size=8).hexdigest()
