"""Which numbers there are, each with its system, shape and check, from ``profiles/identity``.

``numbers.toml`` has one table ``[[number]]`` for each kind, ``regions.toml`` the six-digit codes
of all divisions that ID numbers were ever issued under, by province.

Spec: the ``standard`` of each kind, most of them at
https://openstd.samr.gov.cn/bzgk/gb/
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from server.fhir.messages import Language
from server.profiles.identity_numbers.check_characters import of_credit_code, of_organization
from server.profiles.identity_numbers.residents import Holder, WrongNumberError, holder, normal

Anatomy = Callable[[str], "Holder | None"]
"""What a number of the right shape tells of a person, None if it tells nothing.

Raises WrongNumberError."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of number.

    `system` is that of Identifier or ContactPoint. `severity` is how bad a wrong one is: an error
    where a check character proves it, a warning where only the usual shape speaks against it.
    `place` is where the code of its region begins, None if it has none.
    """

    name: str
    system: str
    standard: str
    titles: Mapping[Language, str]
    shape: re.Pattern[str]
    severity: str
    anatomy: Anatomy
    place: int | None

    def read(self, value: str) -> Holder | None:
        """Return what `value` tells of a person. Raises WrongNumberError."""
        if not self.shape.fullmatch(value):
            raise WrongNumberError("identity-number-shape")
        return self.anatomy(value)

    def region(self, value: str) -> str | None:
        """Return the six digits of `value`, a right one, that stand for a region, if any do."""
        if self.place is None:
            return None
        found = value[self.place : self.place + 6]
        # Those of foreigners and of permits for Hong Kong, Macao and Taiwan tell of no county.
        return None if self.anatomy is _person and found[0] in "89" else found


@dataclass(frozen=True, slots=True)
class Kinds:
    """All kinds `by_system`, and the known `regions`."""

    by_system: Mapping[str, Kind]
    regions: frozenset[str]

    def knows_province(self, region: str) -> bool:
        """Tell whether the first two digits of `region` are those of a province."""
        return f"{region[:2]}0000" in self.regions


def load(folder: Path) -> Kinds:
    """Return the kinds and regions in `folder`. Raises KeyError if a row lacks something."""
    rows = tomllib.loads((folder / "numbers.toml").read_text("utf-8"))["number"]
    regions = tomllib.loads((folder / "regions.toml").read_text("utf-8"))["regions"]
    return Kinds(
        {row["system"]: _kind(row) for row in rows},
        frozenset(
            f"{province}{rest}" for province, codes in regions.items() for rest in codes.split()
        ),
    )


def _kind(row: Mapping[str, str]) -> Kind:
    check = row.get("check", "none")
    return Kind(
        name=row["name"],
        system=row["system"],
        standard=row["standard"],
        titles={"zh": row["zh"], "en": row["en"]},
        shape=re.compile(row["shape"]),
        severity=row["severity"],
        anatomy=_ANATOMIES[check],
        place=_PLACES.get(check),
    )


def _nothing(_value: str) -> None:
    """Stand for the numbers whose shape is all there is."""


def _person(value: str) -> Holder:
    return holder(normal(value))


def _organization(value: str) -> None:
    code = value.replace("-", "")
    if of_organization(code[:8]) != code[8]:
        raise WrongNumberError("identity-number-check")


def _credit_code(value: str) -> None:
    if of_credit_code(value[:17]) != value[17]:
        raise WrongNumberError("identity-number-check")
    if of_organization(value[8:16]) != value[16]:
        raise WrongNumberError("identity-number-embedded")


def _institution(value: str) -> None:
    _organization(value[:9])


_ANATOMIES: Mapping[str, Anatomy] = {
    "none": _nothing,
    "resident": _person,
    "organization": _organization,
    "credit-code": _credit_code,
    "institution": _institution,
    "division": _nothing,
}
# A credit code of the central level has the division 100000, which GB/T 2260 does not know.
_PLACES = {"resident": 0, "division": 0, "institution": 9}
