"""The tables of data sets have every element of the lists that they were made from, as those say.

``dataset_sources.toml`` has what a line of a list stands for, where it names several elements, and
each difference that is meant, with its reason.

Spec: WS 365-2011, WS/T 363-2023 and the lists in the folder CN
"""

import csv
import os
import re
import tomllib
from pathlib import Path

import pytest

from server.mappings.headers import folded

KNOWN = tomllib.loads(Path(__file__).with_name("dataset_sources.toml").read_text())
LISTS = {one["dataset"]: one for one in KNOWN["list"]}
TABLE = re.compile(r"CV[0-9.]*[0-9]|GB/T [0-9.]*[0-9]|GB/T[0-9.]*[0-9]")
CHOICE = re.compile(r"(?<![0-9])([0-9]{1,2})\.? ?(?=[^0-9 .])")
COLUMNS = {
    "element": "name", "display": "name", "code": "de", "de_id": "de", "data_type": "type",
    "value_domain_or_options": "domain", "value_domain_or_note": "domain", "values": "domain",
    "value_domain": "domain", "format": "format", "name": "name", "hdsd_id": "hdsd",
}  # fmt: skip


@pytest.fixture(scope="module")
def facts():
    given = os.environ.get("CN")
    if not given:
        pytest.skip("needs the tables of Chinese facts: set CN to their folder")
    return Path(given)


@pytest.fixture(scope="module", params=LISTS, ids=str)
def compared(request, facts, datasets):
    """Return the list of a data set, the data set, and what differs: element, what, both sides."""
    said = LISTS[request.param]
    dataset = datasets.find(request.param)
    lines = [line for line in _lines(facts, said) for line in _parts(line, said)]
    return said, dataset, [one for line in lines for one in _differences(line, dataset)]


def _rows(file):
    with file.open(encoding="utf-8-sig", newline="") as opened:
        yield from csv.DictReader(line for line in opened if not line.startswith("#"))


def _lines(facts, said):
    """Yield the elements of a list, with what it says of each."""
    for row in _rows(facts / said["file"]):
        if any(not row[name].startswith(value) for name, value in said.get("where", {}).items()):
            continue
        line = {COLUMNS[name]: text for name, text in row.items() if name in COLUMNS and text}
        if "type_format" in row:
            type, _, format = row["type_format"].partition(" ")
            line |= {"type": type, "format": format}
        if "format" in line:
            line["format"] = _written(line["format"])
        yield line


def _written(format):
    """Return `format` without what scanning added: spaces, too many dots, or dots at its end."""
    return re.sub(r"\.{2,}(?=.)", "..", format.replace(" ", "")).rstrip(".")


def _parts(line, said):
    """Return what `line` stands for, each with what the list says of it."""
    names = (line["name"], line.get("hdsd"))
    found = [one for one in said.get("line", ()) if one["name"] in names]
    if not found:
        return [line]
    if "called" in found[0]:
        return [{**line, "name": found[0]["called"]}]
    for part in found[0]["parts"]:
        for what in part.keys() - {"name"}:
            assert part[what] in line[what], (line, part)
    return found[0]["parts"]


def _differences(line, dataset):
    """Yield each difference between a `line` and the row of the table that it means."""
    ours = _ours(line, dataset)
    if ours is None:
        yield line["name"], "absent", "", ""
        return
    if "de" in line and line["de"] not in ours.headers:
        yield ours.name, "de", line["de"], ours.de
    for what in ("type", "format"):
        if what in line and line[what] != getattr(ours, what):
            yield ours.name, what, line[what], getattr(ours, what)
    if "domain" in line and (TABLE.search(line["domain"]) or CHOICE.search(line["domain"])):
        allowed = _allowed(ours, dataset)
        if not _tables_and_codes(line["domain"]) & allowed:
            yield ours.name, "domain", line["domain"], " ".join(ours.domain)


def _ours(line, dataset):
    by_hdsd = [
        one for one in dataset.elements.values() if one.hdsd and one.hdsd == line.get("hdsd")
    ]
    if by_hdsd and folded(line["name"]) in map(folded, by_hdsd[0].headers):
        return by_hdsd[0]
    found = dataset.made.headers.by_header.get(folded(line["name"]), ())
    return found[0] if len(found) == 1 else None


def _tables_and_codes(text):
    """Return the tables that `text` names, and the codes that it lists, as one."""
    tables = {one.replace("GB/T ", "GB/T") for one in TABLE.findall(text)}
    codes = CHOICE.findall(TABLE.sub("", text))
    return tables | ({" ".join(codes)} if len(codes) > 1 else set())


def _allowed(ours, dataset):
    tables = {re.sub(r"-(19|20)\d\d$|-phs3$", "", one).upper().replace("GBT-", "GB/T")
              for one in ours.domain}  # fmt: skip
    domain = dataset.made.domains.get(ours.name)
    return tables | ({" ".join(domain.codings)} if domain else set())


def test_a_table_has_what_its_list_says_or_a_reason_for_another(compared):
    said, _, found = compared
    meant = {
        (one["element"], one["what"], one["list"], one["ours"]) for one in said.get("meant", ())
    }
    assert set(found) - meant == set()


def test_no_reason_is_given_for_what_does_not_differ(compared):
    said, _, found = compared
    for one in said.get("meant", ()):
        assert (one["element"], one["what"], one["list"], one["ours"]) in found
        assert one["why"]


def test_no_line_of_a_list_is_taken_apart_that_is_not_there(compared, facts):
    said = compared[0]
    names = {line.get(one) for line in _lines(facts, said) for one in ("name", "hdsd")}
    assert [one["name"] for one in said.get("line", ()) if one["name"] not in names] == []


CATALOGUES = ("datasets/de_ws363_2011.csv", "datasets/de_wst363_2023.csv")


def test_types_and_formats_are_those_of_a_catalogue_or_have_a_reason(facts, datasets):
    editions = [{row["de_id"]: row for row in _rows(facts / file)} for file in CATALOGUES]
    meant = {(one["de"], one["ours"]) for one in KNOWN["catalogue"]}
    for one in (one for dataset in datasets.all for one in dataset.elements.values()):
        rows = [edition[one.de] for edition in editions if one.de in edition]
        said = {(row["data_type"], row["format"].replace(" ", "")) for row in rows if row["format"]}
        is_said = not said or (one.type, one.format) in said  # numbered names have no format
        assert is_said or (one.de, f"{one.type} {one.format}") in meant, one.name


def test_every_reason_beside_the_catalogues_is_of_a_row(datasets):
    rows = {(one.de, f"{one.type} {one.format}")
            for dataset in datasets.all for one in dataset.elements.values()}  # fmt: skip
    assert [one for one in KNOWN["catalogue"] if (one["de"], one["ours"]) not in rows] == []
