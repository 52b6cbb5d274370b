"""The tables of data sets agree with the catalogues, the models and with themselves.

Spec: WS 363-2011 and WS/T 363-2023 卫生健康信息数据元目录
"""

import json
import re
import shutil
import tomllib

import pytest

from server import content
from server.fhir.json import dumps
from server.mappings.datasets import DataSets
from server.mappings.paths import WrongPathError
from server.mappings.tables import WrongTableError, load
from server.profiles.identity_numbers import kinds
from server.search import units

FOLDERS = sorted(file.parent.name for file in content.MAPPINGS.glob("*/dataset.toml"))
MODEL = json.loads((content.PROFILES / "StructureDefinition" / "encounter-record.json").read_text())
PATHS = {
    element["path"]: {type["code"] for type in element.get("type", ())}
    for element in MODEL["differential"]["element"]
}
RECORDS = ("DischargeSummary", "ExaminationReport", "InpatientFrontPage", "LaboratoryReport",
           "OutpatientRecord", "Prescription")  # fmt: skip
IDENTIFIER = re.compile(r"DE[0-9]{2}\.[0-9]{2}\.[0-9]{3}\.[0-9]{2}")
# A number of its own for each place on a form, where the catalogue has but the unnumbered id.
OF_UCUM_BUT_NOT_CONVERTED = {"m[iU]/L", "m[iU]/mL", "u[iU]/mL"}
NUMBERED = {"DE05.10.138.04", "DE05.10.138.05", "DE05.10.138.06"}


@pytest.fixture(scope="module")
def catalogue():
    """Return every identifier of a data element in either edition."""
    files = content.TERMINOLOGY.glob("CodeSystem/data-elements-*.json")
    return {one["code"] for file in files for one in json.loads(file.read_text())["concept"]}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_data_element_is_in_the_catalogue(catalogue, folder):
    ids = [one.de for one in load(content.MAPPINGS / folder).elements if one.de]
    assert [one for one in ids if not IDENTIFIER.fullmatch(one)] == []
    assert set(ids) - catalogue - NUMBERED == set()


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_element_tells_where_it_was_found_or_that_it_was_recalled(folder):
    for one in load(content.MAPPINGS / folder).elements:
        assert one.status in ("found", "recalled")
        assert one.source


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_does_not_come_back_says_why(folder):
    for one in load(content.MAPPINGS / folder).elements:
        assert one.target or one.inverse, one.name


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_header_of_one_element_is_the_name_of_another(datasets, folder):
    elements = datasets.find(folder).elements
    for one in elements.values():
        assert not (set(one.headers) - {one.name}) & elements.keys(), one.name


def test_the_folders_that_have_a_table_are_the_data_sets(datasets):
    assert [one.name for one in datasets.all] == FOLDERS


def test_the_data_sets_of_visits_are_records(datasets):
    assert {one.name for one in datasets.all if one.is_record} == set(RECORDS)


@pytest.mark.parametrize("folder", RECORDS)
def test_every_target_is_an_element_of_the_model(folder):
    for one in load(content.MAPPINGS / folder).elements:
        for target in filter(None, (one.target, *one.also)):
            path = re.sub(r"\[[^\]]*\]", "", target)
            assert _is_known(path), (one.name, target)


def _is_known(path):
    """Tell whether `path` is of the model, or inside one of its elements of a type of FHIR."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        types = PATHS.get(".".join(parts[:length]))
        if types is not None:
            return length == len(parts) or not types & {"BackboneElement", "string"}
    return False


def test_a_golden_record_has_what_the_model_requires_and_nothing_else(datasets, golden_records):
    required = {
        element["path"].removeprefix("EncounterRecord.")
        for element in MODEL["differential"]["element"]
        if element["min"] == 1 and element["path"].count(".") == 1
    }
    for record in golden_records:
        assert required <= record.keys()
        assert {f"EncounterRecord.{name}" for name in record} - {
            "EncounterRecord.resourceType"
        } <= (PATHS.keys())


@pytest.fixture
def golden_records(datasets):
    folder = content.ROOT / "tests" / "unit" / "mappings" / "golden"
    rows = {name: json.loads((folder / f"{name}.json").read_text())["row"] for name in RECORDS}
    return [json.loads(dumps(datasets.find(name).read(row).record)) for name, row in rows.items()]


def test_every_unit_of_laboratories_is_one_of_ucum():
    known = units.load(content.TERMINOLOGY / "ucum.json")
    written = tomllib.loads((content.MAPPINGS / "units.toml").read_text("utf-8"))["unit"]
    unknown = {code for code in written.values() if known.conversion(code) is None}
    assert unknown == OF_UCUM_BUT_NOT_CONVERTED


def test_every_unit_of_an_element_is_one_of_ucum(datasets):
    known = units.load(content.TERMINOLOGY / "ucum.json")
    wanted = {
        one.options["unit"]
        for dataset in datasets.all
        for one in dataset.elements.values()
        if "unit" in one.options
    }
    assert [code for code in wanted if known.conversion(code) is None] == []


@pytest.fixture
def copied(tmp_path, interpreters):
    """Return a function that loads a copy of the tables with some text after one of them."""

    def loaded(file, text):
        shutil.copytree(content.MAPPINGS, tmp_path / "mappings")
        with (tmp_path / "mappings" / file).open("a", encoding="utf-8") as table:
            table.write(text)
        numbers = kinds.load(content.PROFILES / "identity")
        return DataSets.load(tmp_path / "mappings", interpreters.terminology, numbers)

    return loaded


def test_a_row_added_to_a_table_needs_no_code(copied, there_and_back):
    row = """
[[row]]
name    = "右眼视力"
de      = "DE04.10.164.00"
type    = "N"
format  = "N3,1"
target  = "Observation[右眼视力].valueQuantity"
shape   = "item"
convert = "quantity"
unit    = "1"
category = "exam"
status  = "recalled"
"""
    check_up = copied("HealthCheck/elements.toml", row).find("健康体检")
    assert check_up.headers(["DE04.10.164.00"]).row(["5.0"]) == {"右眼视力": "5.0"}
    back, faults = there_and_back(check_up, {"右眼视力": "5.0", "体检日期": "20240506"})
    assert back["右眼视力"] == "5.0"
    assert {one.rule for one in faults} == {"required", "nobody"}


SLIPS = {
    "a status that is none": {"status": "guessed"},
    "a key that is none": {"slip": "1"},
    "a code of no table": {"type": "S3", "format": "N1"},
    "a code of a table that is not here": {"type": "S3", "format": "N1", "domain": "cv99.99.999"},
    "a name that is taken": {"name": "姓名"},
    "a conversion that is none": {"convert": "magic"},
    "a shape that is none": {"shape": "round"},
    "a path that is none": {"target": "Patient..x"},
    "something needed that is none": {"needs": "心情"},
}


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS)
def test_a_slip_in_a_table_is_refused_when_it_is_loaded(copied, slip):
    row = {"name": "新", "type": "S1", "format": "AN..5", "target": "Patient.x", "status": "found"}
    text = "".join(f'{key} = "{value}"\n' for key, value in {**row, **slip}.items())
    with pytest.raises((WrongTableError, WrongPathError)):
        copied("HealthCheck/elements.toml", f"\n[[row]]\n{text}")


def test_a_kind_of_table_that_is_none_is_refused(copied):
    with pytest.raises(WrongTableError):
        copied("HealthCheck/elements.toml", '\n[[slip]]\nname = "新"\n')
