"""The parts that random resources are made of: few distinct values, so that many share one.

Unusual values are frequent: what is missing, data-absent extensions, periods with one end,
comparators, tiny and negative decimals, references of every form.
"""

from dataclasses import dataclass
from random import Random
from typing import Any

Json = dict[str, Any]
LOINC, SNOMED, LOCAL = "http://loinc.org", "http://snomed.info/sct", "urn:local:a|b"
UCUM = "http://unitsofmeasure.org"
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"
COUNTS = {
    "Patient": 7, "Practitioner": 3, "Organization": 4, "Location": 3, "Encounter": 5,
    "Observation": 12, "Condition": 5, "MedicationRequest": 3, "Provenance": 2, "Group": 2,
    "List": 3, "ValueSet": 3, "Questionnaire": 2, "QuestionnaireResponse": 3, "RiskAssessment": 3,
    "ChargeItem": 2,
}  # fmt: skip
FAMILIES = ("张", "張", "欧阳", "Müller", "muller", "Ng", "O'Brien", "ＷＡＮＧ", "陈")
GIVENS = ("三", "三丰", "Anna", "Ánna", "ANNA  Maria", "医生", "醫生", "李,四", "a$b|c\\d")
TEXTS = ("体温", "體温高", "Body temp", "body  TEMP", "Fièvre", "发热")
DATES = (
    "2023", "2024", "2024-02", "2024-02-29", "2024-03-01", "2023-12-31", "1899-12-31",
    "2024-02-29T23:59:59+08:00", "2024-02-29T15:59:59Z", "2024-02-29T16:00:00Z",
    "2024-03-01T00:00:00.5+08:00", "2024-03-01T00:00:00+08:00", "2025-01",
)  # fmt: skip
DAYS = tuple(one for one in DATES if "T" not in one)
NUMBERS = (
    0,
    1,
    5,
    5.4,
    5.40,
    5.449,
    5.45,
    -2,
    -0.001,
    0.0005,
    97,
    100,
    99.5,
    100.5,
    1000,
    36.6,
    98,
)
CODES = (
    (LOINC, "8310-5"), (LOINC, "8480-6"), (SNOMED, "8310-5"), (None, "8310-5"), (LOCAL, "x,y"),
    (SNOMED, "386661006"), (LOINC, None),
)  # fmt: skip
UNITS = (
    (UCUM, "mg", "mg"), (UCUM, "g", "gram"), (UCUM, "kg", "kg"), (UCUM, "mmol/L", "mmol/L"),
    (UCUM, "mg/dL", "mg/dL"), (UCUM, "mm[Hg]", "mmHg"), (UCUM, "Cel", "°C"), (UCUM, "[degF]", "F"),
    (None, None, "mg"), ("urn:units", "mg", None), (None, None, None),
)  # fmt: skip
NUMERALS = ("110101199003071233", "A,1", "007", "a|b", "B\\2")
SYSTEMS = ("urn:oid:2.16.156.10011.1.3", "http://hospital.cn/mrn", None)
TAGS = ("teaching", "urgent")
URLS = ("http://a.cn/fhir/vs", "http://a.cn/fhir/vs/sub", "http://a.cn/fhir/vsx", "urn:oid:1.2.3")


@dataclass(slots=True)
class Maker:
    """Makes the parts of resources; `base` is the FHIR base of the server they go to."""

    random: Random
    base: str

    def one(self, choices: Any) -> Any:
        """Return one of `choices`."""
        return self.random.choice(choices)

    def chance(self, percent: int) -> bool:
        """Return true in so many of a hundred cases."""
        return self.random.randrange(100) < percent

    def some(self, percent: int = 70, **elements: Any) -> Json:
        """Return those of `elements` that chance leaves, called if they can be."""
        return {
            name: make() if callable(make) else make
            for name, make in elements.items()
            if self.chance(percent)
        }

    def many(self, make: Any, most: int = 2) -> list[Any]:
        """Return one or more of what `make` makes."""
        return [make() for _ in range(self.random.randint(1, most))]

    def coding(self) -> Json:
        """Return a Coding, sometimes without a system or a code."""
        system, code = self.one(CODES)
        found = {"system": system, "code": code, "display": self.one((*TEXTS, None))}
        return {name: value for name, value in found.items() if value is not None}

    def concept(self) -> Json:
        """Return a CodeableConcept."""
        if self.chance(10):
            return {"text": self.one(TEXTS)}
        found: Json = {"coding": self.many(self.coding)}
        return found | self.some(40, text=self.one(TEXTS))

    def identifier(self) -> Json:
        """Return an Identifier, sometimes without a value, sometimes with a type."""
        system, value = self.one(SYSTEMS), self.one(NUMERALS)
        found: Json = {"value": value} if system is None or self.chance(90) else {}
        if system is not None:
            found["system"] = system
        if self.chance(40):
            kind = {"system": V2_0203, "code": self.one(("MR", "NI"))}
            found["type"] = {"coding": [kind], **self.some(50, text=lambda: self.one(TEXTS))}
        return found

    def quantity(self, *, compared: bool = True) -> Json:
        """Return a Quantity."""
        system, code, unit = self.one(UNITS)
        found = {"value": self.one(NUMBERS), "system": system, "code": code, "unit": unit}
        if compared and self.chance(20):
            found["comparator"] = self.one(("<", "<=", ">=", ">"))
        return {name: value for name, value in found.items() if value is not None}

    def period(self) -> Json:
        """Return a Period, often with one end only."""
        start, end = sorted((self.one(DATES), self.one(DATES)), key=_sortable)
        return self.one(({"start": start, "end": end}, {"start": start}, {"end": end}))

    def name(self) -> Json:
        """Return a HumanName."""
        found: Json = self.some(80, family=self.one(FAMILIES), given=self.many(self._given))
        return found or {"text": self.one(GIVENS)}

    def _given(self) -> str:
        return self.one(GIVENS)

    def address(self) -> Json:
        """Return an Address."""
        return {
            "city": self.one(("北京市", "Zürich", "zurich")),
            **self.some(
                50, line=["人民路1号"], state="Hebei", postalCode="100000", country="CN",
                use=self.one(("home", "work")),
            ),
        }  # fmt: skip

    def reference(self, *types: str) -> Json:
        """Return a Reference to one of `types`, of whatever form."""
        type = self.one(types)
        at = f"{type}/{type.lower()}-{self.random.randrange(COUNTS[type])}"
        forms = (
            {"reference": f"{self.base}/{at}"},
            {"reference": f"{at}/_history/1"},
            {"reference": f"http://other.cn/fhir/{at}"},
            {"identifier": self.identifier()},
            {"reference": at, "identifier": self.identifier(), "type": type},
            {"display": self.one(TEXTS)},
            {"reference": f"{type}/nobody"},
        )
        return self.one(forms) if self.chance(35) else {"reference": at}

    def meta(self) -> Json:
        """Return a Meta with some of tags, labels, profiles and a source."""
        return self.some(
            30,
            tag=[{"system": "urn:tags", "code": self.one(TAGS)}],
            security=[{"system": "urn:labels", "code": self.one(("R", "V"))}],
            profile=[self.one(("http://a.cn/p", "http://a.cn/p|1.0"))],
            source=self.one(URLS),
        )


def _sortable(text: str) -> str:
    return text.replace("Z", "+00:00")
