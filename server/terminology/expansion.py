"""The concepts of a composition, listed: all of them, a page of them, or as a tree.

Spec: https://hl7.org/fhir/R4/valueset-operation-expand.html
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from server.fhir.outcome import NotFound, TooCostly
from server.terminology.compositions import Composition, Part
from server.terminology.concepts import Concept
from server.terminology.expressions import (
    Called,
    Expression,
    Inactive,
    Invalid,
    Not,
    conjunction,
)

Json = dict[str, Any]
MOST = 10_000
"""No expansion has more concepts, in one answer."""
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Asked:
    """What of an expansion is asked for; `words` are the beginnings of spellings.

    `count` None means all. `is_nested` asks for a tree, which has no pages. `excluded` are code
    systems, with or without ``|version``. `language` is that of displays. What was
    not valid `on` that day is left out.
    """

    words: tuple[str, ...] = ()
    offset: int = 0
    count: int | None = None
    is_active_only: bool = False
    is_nested: bool = False
    has_designations: bool = False
    excluded: tuple[str, ...] = ()
    language: str | None = None
    on: date | None = None


@dataclass(frozen=True, slots=True)
class Expanded:
    """`total` concepts, of which `contains` are shown; `used` are the editions they come from.

    Of those that are `incomplete` not all concepts are here.
    """

    total: int
    contains: Sequence[Json]
    used: Sequence[str]
    incomplete: Sequence[str]


def expanded(composition: Composition, asked: Asked) -> Expanded:
    """Return what is `asked` for.

    Raises NotFound if a code system is not here, TooCostly if there is too much to list.
    """
    parts = [part for part in composition if not _is_excluded(part, asked)]
    wanted = [_wanted(part, asked) for part in parts]
    sizes = [_size(part, meant) for part, meant in zip(parts, wanted, strict=True)]
    total = sum(sizes)
    offset = 0 if asked.is_nested else asked.offset
    left = total if asked.count is None or asked.is_nested else asked.count
    if min(left, max(total - offset, 0)) > MOST:
        raise TooCostly.because("expansion-too-large", total=total, limit=MOST)
    rows: list[tuple[Part, Concept]] = []
    for part, meant, size in zip(parts, wanted, sizes, strict=True):
        if offset < size and left > 0:
            found = _chosen(part, meant, offset, left)
            rows += [(part, one) for one in found]
            left -= len(found)
        offset = max(offset - size, 0)
    shown = _tree(rows, asked) if asked.is_nested else [_row(*one, asked) for one in rows]
    return Expanded(
        total,
        shown,
        [_canonical(part) for part in parts if part.system is not None],
        [_canonical(p) for p in parts if p.system is not None and not p.system.about.is_whole],
    )


def _wanted(part: Part, asked: Asked) -> Expression:
    parts: list[Expression] = [part.expression]
    if asked.words:
        parts.append(Called(asked.words))
    if asked.is_active_only:
        parts.append(Not(Inactive()))
    if asked.on is not None:
        parts.append(Not(Invalid(asked.on)))
    return conjunction(parts)


def _is_excluded(part: Part, asked: Asked) -> bool:
    return part.url in asked.excluded or _canonical(part) in asked.excluded


def _canonical(part: Part) -> str:
    return part.url if part.version is None else f"{part.url}|{part.version}"


def _size(part: Part, wanted: Expression) -> int:
    if _is_told_by_itself(part):
        return sum(1 for _ in _by_itself(part, wanted))
    if part.system is None:
        raise NotFound.because("code-system-unknown", system=_canonical(part)[:_SHOWN])
    return part.system.count(wanted)


def _chosen(part: Part, wanted: Expression, offset: int, limit: int) -> Sequence[Concept]:
    if part.system is None or _is_told_by_itself(part):
        return list(_by_itself(part, wanted))[offset : offset + limit]
    return part.system.chosen(wanted, offset, limit)


def _is_told_by_itself(part: Part) -> bool:
    """Tell whether the value set lists codes of a system of which not all is here."""
    is_whole = part.system is not None and part.system.about.is_whole
    return not is_whole and part.expression.listed() is not None


def _by_itself(part: Part, wanted: Expression) -> Iterator[Concept]:
    codes = part.expression.listed() or ()
    known = {} if part.system is None else part.system.concepts(codes)
    for code in codes:
        label = part.labels.get(code, {})
        concept = known.get(code) or Concept(
            code, label.get("display"), designations=label.get("designation", ()),
            ancestors=frozenset((code,)),
        )  # fmt: skip
        if part.expression.decided(code) is not False and wanted.holds(concept):
            yield concept


def _row(part: Part, concept: Concept, asked: Asked) -> Json:
    label: Mapping[str, Any] = part.labels.get(concept.code, {})
    own = None if asked.language is not None and "display" not in label else label.get("display")
    told: Json = {
        "system": part.url,
        "abstract": concept.is_abstract or None,
        "inactive": concept.is_inactive or None,
        "version": part.version,
        "code": concept.code,
        "display": own or concept.name(asked.language),
    }
    if asked.has_designations:
        told["designation"] = [*label.get("designation", ()), *concept.designations]
    return {name: value for name, value in told.items() if value}


def _tree(rows: Sequence[tuple[Part, Concept]], asked: Asked) -> list[Json]:
    """Return `rows` with each beneath the first of its parents that is among them."""
    made = {(part.key, one.code): (one, _row(part, one, asked)) for part, one in rows}
    roots: list[Json] = []
    for (key, code), (concept, row) in made.items():
        above = (made[key, one][1] for one in concept.parents if (key, one) in made and one != code)
        parent = next(above, None)
        if parent is None or _is_circular(made, key, concept):
            roots.append(row)
        else:
            parent.setdefault("contains", []).append(row)
    return roots


def _is_circular(made: Mapping[Any, tuple[Concept, Json]], key: object, concept: Concept) -> bool:
    """Tell whether `concept` is beneath one of those that are beneath itself."""
    known = (made[key, one][0] for one in concept.ancestors - {concept.code} if (key, one) in made)
    return any(concept.code in one.ancestors for one in known)
