"""Maps between two editions of one table: the same name is the same meaning, whatever the code.

Names are compared as they sound: wide and narrow characters, brackets, and words that the newer
edition writes in another way do not count.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from china.maps import About, End, Row, concept_map, group, row_of
from china.writing import Json

_SAME_WORD = (("给药", "用药"), ("(", ""), (")", ""), ("、", ""), (" ", ""))


def concept_maps(
    said: Mapping[str, Any], ends: Mapping[str, End], fragments: set[str]
) -> Iterator[Json]:
    """Yield the map of each pair of editions; `fragments` are ids of systems that lack codes.

    A code is unmatched only where all codes of the newer edition are known.
    """
    for one in said["editions"]:
        source, target = ends[one["source"]], ends[one["target"]]
        rows = [row_of(text) for text in one.get("rows", ())]
        partial = target.id in fragments
        title = f"{source.id.upper()} → {target.id.upper()}"
        note = "新版未收全，未对照的代码不表示没有对应。" if partial else ""
        about = About(
            f"{source.id}-to-{target.id}", title, f"{title}，按名称对照。{note}", verified=True
        )
        groups = [group(source, target, list(_rows(source, target, rows, partial=partial)))]
        yield concept_map(about, source, target, groups)


def _rows(source: End, target: End, rows: list[Row], *, partial: bool) -> Iterator[Row]:
    said = {row.code: row for row in rows}
    by_name = {_heard(name): code for code, name in reversed(target.names.items())}
    for code, name in source.names.items():
        if code in said:
            yield said[code]
            continue
        same = code if _heard(target.names.get(code, "")) == _heard(name) else None
        other = same or by_name.get(_heard(name))
        if other is not None:
            exact = other == code and target.names[other] == name
            yield Row(code, "equal" if exact else "equivalent", other, None)
        elif not partial:
            yield Row(code, "unmatched", None, None)


def _heard(name: str) -> str:
    """Return `name` without what two editions may write differently."""
    heard = unicodedata.normalize("NFKC", name).casefold()
    for old, new in _SAME_WORD:
        heard = heard.replace(old, new)
    return heard
