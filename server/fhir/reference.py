"""What the text of a Reference points at, and what an id is.

Spec: https://hl7.org/fhir/R4/references.html#literal
"""

import re
from functools import lru_cache
from typing import NamedTuple

_ENDING = re.compile(
    r"(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/([A-Za-z0-9\-.]{1,64}))?\Z"
)
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}").fullmatch
_CACHED = 256


class Target(NamedTuple):
    """What a reference points at.

    `text` is the reference without its version, and without the base URL if that is this
    server's. `type`, `id` and `version` are None if the text does not tell; `local` says that the
    resource is one of this server.
    """

    text: str
    type: str | None = None
    id: str | None = None
    version: str | None = None
    local: bool = False


def parse(text: str, base_url: str) -> Target:
    """Return what `text` points at, seen from the server whose FHIR base is `base_url`.

    A reference to a contained resource (``#a``), a ``urn:`` and a logical URL have no type.
    """
    # URLs of a megabyte each, which are valid, would fill the memory.
    return _remembered(text, base_url) if len(text) <= _CACHED else _parsed(text, base_url)


def _parsed(text: str, base_url: str) -> Target:
    base = base_url.rstrip("/") + "/"
    relative = text.removeprefix(base)
    match = _ENDING.search(relative)
    if match is None or relative.startswith(("#", "urn:")):
        return Target(text)
    type, id, version = match.groups()
    if not is_id(id):
        return Target(text)
    if version is not None:
        relative = relative[: match.start(3) - len("/_history/")]
    return Target(relative, type, id, version, local=match.start(1) == 0)


_remembered = lru_cache(maxsize=4096)(_parsed)


def is_id(text: str) -> bool:
    """Tell whether `text` has the form of a resource's id.

    FHIR allows ``.`` and ``..`` as well, but proxies and browsers take them for the way up in a
    URL, and so an id has no two dots in a row and is not a single one.
    """
    return _ID(text) is not None and ".." not in text and text != "."
