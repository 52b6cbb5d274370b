"""Where the data that the server interprets lies: profiles, terminology and mappings.

In a checkout these are the top-level folders of the project; in a wheel they
are carried inside the package, under ``_content``.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_IN_WHEEL = _PACKAGE / "_content"
ROOT = _IN_WHEEL if _IN_WHEEL.is_dir() else _PACKAGE.parent

PROFILES = ROOT / "profiles"
TERMINOLOGY = ROOT / "terminology"
MAPPINGS = ROOT / "mappings"
GUNICORN_CONF = (ROOT if _IN_WHEEL.is_dir() else ROOT / "docker") / "gunicorn.conf.py"


@contextmanager
def loading() -> Iterator[None]:
    """Have no garbage looked for meanwhile: what is loaded stays, and to look takes a third."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
