"""Write ``terminology/ucum.json``: how units of UCUM convert to one canonical unit.

    python tools/distil_ucum.py PACKAGE_FOLDER > terminology/ucum.json

PACKAGE_FOLDER holds the unpacked package hl7.fhir.r4.examples 4.0.1, whose value set
ucum-common names the units. Needs ``ucumvert==0.3.2`` and ``pint==0.25.3``, which the server
itself does not: they take a second to start and milliseconds for each conversion.

The result maps a code without annotations to ``[factor, canonical]`` or, for a scale with a zero
of its own, ``[factor, canonical, offset]``: canonical value = value * factor + offset. Arbitrary
units, such as international units, convert to nothing else, as UCUM says. Logarithmic scales
are left out: a factor cannot convert them.

Spec: https://ucum.org/ucum
"""

import json
import re
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import ucumvert
from lark.exceptions import VisitError
from ucumvert import PintUcumRegistry

# What Chinese laboratories and drug labels use beyond HL7's list.
ALSO = (
    "10*9/L 10*12/L 10*6/L 10*3/L 10*6/mL 10*4/mL 10*9 10*12 g/L mg/L ug/L ng/L pg/L mol/L mmol/L "
    "umol/L nmol/L pmol/L fmol/L U/L kU/L mU/L U/mL mU/mL uU/mL [IU]/L [IU]/mL k[IU]/L m[IU]/L "
    "m[IU]/mL u[IU]/mL k[IU]/mL fL pg mm/h mg/dL g/dL mmol/d mg/d g/d ug/d mL/d L/d mmol/mol "
    "mg/mmol mg/g ug/mg ng/mL pg/mL ug/mL mg/mL g/mL s ms min h d wk mo a % [ppth] Cel [degF] K "
    "mm[Hg] kPa Pa cm[H2O] /min /L /uL /mL mL/min mL/min/{1.73_m2} kg g mg ug ng m cm mm um km L "
    "dL mL uL kg/m2 mosm/kg mosm/L mmol/kg kcal kJ J kcal/d Gy mGy cGy Bq MBq mCi W V mV Hz kHz MHz"
)
BASE = {
    "kilogram": "kg",
    "meter": "m",
    "second": "s",
    "kelvin": "K",
    "mole": "mol",
    "ampere": "A",
    "candela": "cd",
    "radian": "rad",
}
ANNOTATION = re.compile(r"\{[^}]*\}")


def registry() -> PintUcumRegistry:
    """Return a registry in which every arbitrary unit is a dimension of its own."""
    units = PintUcumRegistry()
    essence = Path(ucumvert.__file__).parent / "vendor" / "ucum-essence.xml"
    arbitrary = {
        unit.get("Code")
        for unit in ET.parse(essence).getroot().iter()
        if unit.get("isArbitrary") == "yes"
    }
    names = {str(units.from_ucum(code).units) for code in sorted(filter(None, arbitrary))}
    for name in sorted(names):
        if " " not in name:
            units.define(f"{name} = [{name}]")
    units._build_cache()  # noqa: SLF001  else conversions remembered from before the redefinition win
    return units


def without_annotations(code: str) -> str:
    """Return `code` with each annotation gone, or 1 where it stood for a unit by itself."""
    kept = re.sub(r"(^|[/.(])\{[^}]*\}", r"\g<1>1", code)
    return ANNOTATION.sub("", kept)


def canonical(units: Iterable[tuple[str, float]]) -> str:
    """Return the name of a product of base units, the same for the same product."""
    parts = sorted((BASE.get(name, name), power) for name, power in units)
    return ".".join(name if power == 1 else f"{name}{power:g}" for name, power in parts) or "1"


def conversion(registry: PintUcumRegistry, code: str) -> list[Any] | None:
    """Return the row of `code`, or None if no factor converts it."""
    try:
        unit = registry.from_ucum(code)
        one = registry.Quantity(1, unit.units) if hasattr(unit, "units") else None
        size = unit.magnitude if one is not None else float(unit)
    except (ucumvert.parser.InvalidUcumError, VisitError) as error:
        print(f"{code}: {type(error).__name__}", file=sys.stderr)
        return None
    if one is None:
        return [float(size), "1"]
    try:
        zero, first, many = (
            registry.Quantity(number * size, unit.units).to_base_units() for number in (0, 1, 900)
        )
    except OverflowError:
        print(f"{code}: exponential", file=sys.stderr)
        return None
    step = (many.magnitude - zero.magnitude) / 900
    if abs(first.magnitude - zero.magnitude - step) > 1e-9 * abs(step):
        print(f"{code}: not linear", file=sys.stderr)
        return None
    row: list[Any] = [float(f"{step:.15g}"), canonical(first.unit_items())]
    offset = float(f"{zero.magnitude:.15g}")
    return [*row, offset] if offset else row


def main() -> None:
    """Print the table for the package in the folder named by the first argument."""
    warnings.simplefilter("ignore")
    text = (Path(sys.argv[1]) / "ValueSet-ucum-common.json").read_text("utf-8")
    common = [
        concept["code"]
        for include in json.loads(text)["compose"]["include"]
        for concept in include["concept"]
    ]
    units = registry()
    rows = {}
    for code in sorted({without_annotations(code) for code in [*common, *ALSO.split()]}):
        row = conversion(units, code)
        if row is not None:
            rows[code] = row
    print("{")
    print(
        ",\n".join(
            f"{json.dumps(code)}: {json.dumps(row, separators=(',', ':'))}"
            for code, row in rows.items()
        )
    )
    print("}")


if __name__ == "__main__":
    main()
