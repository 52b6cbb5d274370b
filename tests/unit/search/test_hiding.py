"""What is not shown cannot be searched or sorted by, on whatever way (R1.8b)."""

import re
from dataclasses import replace

import pytest

from server.fhir.outcome import Forbidden
from server.search.expressions import branches
from server.search.hiding import Sight, is_shown

VALUES = {
    "birthdate": "2020",
    "code-value-quantity": "a$1",
    "date": "2020",
    "death-date": "2020",
    "deceased": "true",
}


def value(name):
    """Return a value that the parameter `name` can have."""
    return VALUES.get(re.split(r"[.:]", name)[-1], "1")


def hidden(**elements):
    return Sight({type: frozenset(names.split()) for type, names in elements.items()})


@pytest.mark.parametrize(
    ("type", "name", "sight"),
    [
        ("Patient", "birthdate", hidden(Patient="birthDate")),
        ("Patient", "death-date", hidden(Patient="deceased")),
        ("Patient", "deceased", hidden(Patient="deceased")),
        ("Patient", "phone", hidden(Patient="telecom")),
        ("Patient", "phonetic", hidden(Patient="name")),
        ("Patient", "identifier", hidden(Patient="identifier")),
        ("Patient", "_text", hidden(Patient="photo")),
        ("Observation", "value-string", hidden(Observation="value")),
        ("Observation", "combo-code", hidden(Observation="component")),
        ("Observation", "code-value-quantity", hidden(Observation="value")),
        ("Observation", "gene-identifier", hidden(Observation="extension")),
        ("ActivityDefinition", "depends-on", hidden(ActivityDefinition="relatedArtifact")),
        ("QuestionnaireResponse", "item-subject", hidden(QuestionnaireResponse="item")),
        # Other types tell of it again, in narratives and in what a reference says.
        ("Observation", "_text", hidden(Patient="name")),
        ("Observation", "_content", hidden(Patient="birthDate")),
        ("Observation", "_content", hidden(Practitioner="name")),
        ("Encounter", "_content", hidden(RelatedPerson="name")),
        ("Bundle", "_content", hidden(Person="name")),
        ("DiagnosticReport", "_text", hidden(Observation="value")),
        ("Observation", "subject:identifier", hidden(Patient="identifier")),
        ("Observation", "subject:Patient.birthdate", hidden(Patient="birthDate")),
        ("Observation", "subject:Patient._content", hidden(Patient="name")),
        ("Observation", "specimen._content", hidden(Patient="name")),
        ("Patient", "_has:Observation:subject:date", hidden(Observation="effective")),
        ("Patient", "_has:Observation:subject:date", hidden(Observation="subject")),
        ("Observation", "_list", hidden(List="entry")),
        ("Patient", "_has:Observation:subject:_list", hidden(List="entry")),
    ],
)
def test_what_reads_a_hidden_element_is_refused(queries, type, name, sight):
    pairs = [(name, value(name))]
    queries.compile(type, pairs)
    with pytest.raises(Forbidden):
        queries.compile(type, pairs, sight=sight)


@pytest.mark.parametrize(
    ("type", "name", "sight"),
    [
        ("Patient", "name", hidden(Patient="birthDate deceased")),
        ("Patient", "_id", hidden(Patient="name")),
        ("Observation", "code-value-quantity", hidden(Patient="name")),
        ("Observation", "status", hidden(Observation="value")),
        ("Encounter", "_content", hidden(Specimen="note")),
        ("Organization", "_content", hidden(Patient="name")),
        ("Observation", "subject:identifier", hidden(Patient="name")),
        ("Patient", "_list", hidden(List="note")),
        ("MedicationRequest", "status", hidden(MedicationRequest="statusReason")),
        # Where one type that a chain can lead to is hidden, it leads to the others.
        ("Observation", "subject.identifier", hidden(Patient="identifier")),
    ],
)
def test_what_reads_no_hidden_element_is_not_refused(queries, type, name, sight):
    assert queries.compile(type, [(name, value(name))], sight=sight).used


def test_a_hidden_element_cannot_be_sorted_by(queries):
    sight = hidden(Patient="deceased")
    with pytest.raises(Forbidden):
        queries.compile("Patient", [("_sort", "-deceased")], sight=sight)


def test_a_filter_is_no_way_round(queries):
    with pytest.raises(Forbidden):
        queries.compile(
            "Patient", [("_filter", "deceased eq true")], sight=hidden(Patient="deceased")
        )


@pytest.mark.parametrize(
    ("sight", "order"),
    [(hidden(Observation="note"), "-date"), (hidden(Observation="effective"), "")],
)
def test_a_hidden_date_gives_no_order_that_nobody_asked_for(ready, sight, order):
    assert ready("Observation", [("patient", "a")], sight=sight).order.name == order


@pytest.mark.parametrize(
    ("expression", "is_open"),
    [
        ("Observation.subject.display", False),
        ("Observation.text.div", False),
        ("Observation.subject.where(display = '陈').type", False),
        ("Observation.value.as(string)", True),
        ("Observation.note.text", True),
    ],
)
def test_own_parameters_are_closed_if_they_read_what_tells_of_others(
    facts, index, expression, is_open
):
    ways = {"own": branches(facts, expression, "Observation")}
    plan = replace(index.plans["Observation"], branches=ways)
    assert is_shown(plan, "own", hidden(Patient="name")) == is_open
