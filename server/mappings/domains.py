"""Value domains: the codes that a table allows, in every edition and under every spelling.

Tables are the code systems of ``terminology/``. Of several editions the one of the data set counts;
a code that only another one has is taken and told. Tables of two digits are met with one in the
field, and the other way round: both are taken, and told.

Spec: WS 364-2011 and WS/T 364-2023 卫生信息数据元值域代码,
https://www.nhc.gov.cn/wjw/s9497/wsbz.shtml
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.mappings.tables import WrongTableError
from server.records.cells import Known
from server.terminology.library import Definition
from server.terminology.service import Terminology
from server.terminology.systems import Table

_LISTED = 12
Coding = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Domain:
    """The codes of one value domain. `is_open` if it is known not to have all of them."""

    name: str
    title: str
    systems: tuple[str, ...]
    codings: Mapping[str, Coding]
    spellings: Mapping[str, Known]
    is_open: bool
    _bare: Coding = field(default_factory=dict)
    _by_display: dict[str, str] = field(default_factory=dict)

    def coding(self, code: str) -> dict[str, Any]:
        """Return the Coding of `code`, its edition and its name with it."""
        found = self.codings.get(code)
        return dict(found) if found is not None else {**self._bare, "code": code}

    def called(self, display: str) -> str:
        """Return the one code whose name is `display`, empty if none or several have it.

        A table that is known not to have all codes tells none: another may have the same name.
        """
        if self.is_open:
            return ""
        if not self._by_display:
            for code, one in self.codings.items():
                name = one.get("display", "")
                self._by_display[name] = "" if name in self._by_display else code
        return self._by_display.get(display, "") if display else ""

    def code(self, codings: Iterable[Coding]) -> str | None:
        """Return the code that one of `codings` has of this table, None if none has."""
        for one in codings:
            if one.get("system") in self.systems and "code" in one:
                known = self.codings.get(one["code"])
                same = known is not None and known.get("version") == one.get("version")
                if same or self.is_open or "version" not in one or self._means_same(one):
                    return str(one["code"])
        return None

    def _means_same(self, one: Coding) -> bool:
        known = self.codings.get(one["code"])
        return known is not None and known.get("display") == one.get("display")

    @property
    def allowed(self) -> str:
        """Return what the table allows, as a message lists it."""
        shown = [f"{code} {one.get('display', '')}".strip() for code, one in self.codings.items()]
        more = "…" if len(shown) > _LISTED else ""
        return "；".join(shown[:_LISTED]) + more


@dataclass(frozen=True, slots=True)
class Domains:
    """All code systems that tables may name, by their id."""

    terminology: Terminology
    by_id: Mapping[str, Definition]
    _made: dict[tuple[tuple[str, ...], str], Domain] = field(default_factory=dict)

    @classmethod
    def of(cls, terminology: Terminology) -> "Domains":
        """Return those of `terminology`."""
        return cls(terminology, {one.head.id: one for one in terminology.library.all("CodeSystem")})

    def find(self, names: Sequence[str], edition: str) -> Domain:
        """Return the domain that `names` mean, ids of code systems with or without an edition.

        Raises WrongTableError if there is no such table.
        """
        key = tuple(names), edition
        if ":" in names[0]:
            # A list that the operator loads: its codes are taken as they are, of no edition.
            bare = {"system": names[0]}
            return Domain(names[0], names[0], (names[0],), {}, {}, is_open=True, _bare=bare)
        if key not in self._made:
            found = [one for name in names for one in self._editions(name, edition)]
            if not found:
                raise WrongTableError(f"There is no table {' or '.join(names)}.")
            self._made[key] = self._domain(names[0], found)
        return self._made[key]

    def _editions(self, name: str, edition: str) -> list[Definition]:
        if name in self.by_id:
            return [self.by_id[name]]
        found = [one for id, one in self.by_id.items() if id.rpartition("-")[0] == name]
        # Field systems that go by the edition of 2011 go by its supplement of 2014, too.
        preferred = {"2011": ("2011", "2014")}.get(edition, (edition,))
        return sorted(found, key=lambda one: (one.head.version not in preferred, one.head.version))

    def _domain(self, name: str, found: Sequence[Definition]) -> Domain:
        codings: dict[str, Coding] = {}
        spellings: dict[str, Known] = {}
        for number, one in enumerate(found):
            for code, concept in self._table(one).by_code.items():
                if code in codings:
                    continue
                told = {"system": one.head.url, "version": one.head.version, "code": code}
                told["display"] = concept.display
                codings[code] = {key: value for key, value in told.items() if value}
                message = "dataset-edition" if number and one.head.version else None
                spellings[code] = Known(code, message, one.head.version if message else None)
        _spell_otherwise(spellings)
        first = found[0].head
        bare = {"system": first.url}
        return Domain(
            name,
            first.title or name,
            tuple(dict.fromkeys(one.head.url for one in found)),
            codings,
            spellings,
            any(one.head.content != "complete" for one in found),
            bare,
        )

    def _table(self, definition: Definition) -> Table:
        table = self.terminology.table(definition)
        if not isinstance(table, Table):
            raise WrongTableError(f"{definition.head.id} is not in memory.")
        return table


def listed(title: str, values: Mapping[str, str]) -> Domain:
    """Return the domain of codes whose table is not published, with their names in `values`."""
    codings = {code: {"code": code, "display": name} for code, name in values.items()}
    spellings = {code: Known(code) for code in values}
    _spell_otherwise(spellings)
    return Domain(title, title, (), codings, spellings, is_open=False)


def _spell_otherwise(spellings: dict[str, Known]) -> None:
    """Add those of one digit to codes of two, and those of two to codes of one."""
    for code in list(spellings):
        other = code[1:] if len(code) == 2 and code[0] == "0" else f"0{code}"
        if code.isdigit() and len(code) < 3 and other not in spellings and len(other) < 3:
            spellings[other] = Known(code, "dataset-code-width")
