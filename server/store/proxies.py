"""What is seen as another resource is, its `via`: that one is looked for, and decides."""

from dataclasses import replace

from server.access.visibility import Visibility
from server.store.documents import Version
from server.store.engine import Engine


def seen(engine: Engine, visibility: Visibility, version: Version) -> Version | None:
    """Return `version`, None if what it is seen as is not there within `visibility`.

    It then is about the patients that that is about.
    """
    if version.via is None:
        return version
    type, _, id = version.via.partition("/")
    if not visibility.of(type, "r"):
        return version
    decisive = engine.fetch(type, id, visibility)
    if decisive is None:
        return None
    return replace(version, patients=tuple(decisive.get("comp", ())))
