"""The validator judges the good and bad instances of our profiles as they are meant.

Spec: https://hl7.org/fhir/R4/validation.html
"""

import json
import re
from pathlib import Path

import pytest

from server.services import Interpreters
from server.settings import Settings

BASE = "https://tongkang.example/fhir/StructureDefinition/"
FILES = sorted((Path(__file__).parents[1] / "profiles").glob("*/*.json"))


@pytest.fixture(scope="module")
def validator():
    return Interpreters.of(Settings()).validator


def errors(validator, file):
    content = json.loads(file.read_text("utf-8"))
    resource = content.get("resource", content)
    asked = [BASE + file.parent.name]
    return [one for one in validator.faults(resource, asked) if one.severity == "error"], content


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_an_instance_is_judged_as_it_is_meant(validator, file):
    found, content = errors(validator, file)
    if file.stem.startswith("good"):
        assert found == []
        return
    # FHIRPath calls it value, whatever its type.
    assert re.sub(r"value[A-Z]\w+", "value", content["expression"]) in {
        one.expression for one in found
    }
