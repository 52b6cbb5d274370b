"""What a write has to conform to, read from the setting."""

import pytest

from server.records.validation_levels import Level, read
from tests.unit.test_settings import faults

PROFILE = "https://a.example/StructureDefinition/p"


@pytest.mark.parametrize(
    ("text", "patient", "others"),
    [
        ("declared", Level("declared"), Level("declared")),
        ("off", Level("off"), Level("off")),
        ("Patient=off", Level("off"), Level("declared")),
        ("Patient=off,*=invariants", Level("off"), Level("invariants")),
        (f"Patient=required:{PROFILE}, *=off", Level("required", PROFILE), Level("off")),
        (f"Patient=required:{PROFILE}|1.0", Level("required", f"{PROFILE}|1.0"), Level("declared")),
    ],
)
def test_a_level_is_for_all_types_or_for_one(text, patient, others):
    levels = read(text)
    assert (levels.of("Patient"), levels.of("Observation")) == (patient, others)


@pytest.mark.parametrize(
    "text",
    ["on", "Patient", "patient=off", "Patient=required", "Patient=required:p", "Patient=off:p",
     "Patient=off,Patient=off", "off,declared", "Patient=", "=off", "*=required:", "Patient=off,"],
)  # fmt: skip
def test_what_is_no_level_is_refused_at_the_start(text):
    assert faults({"TONGKANG_VALIDATION": text}) == {"TONGKANG_VALIDATION": "setting-validation"}
