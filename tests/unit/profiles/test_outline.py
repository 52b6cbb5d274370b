"""What a reader sees of a definition.

Spec: https://hl7.org/fhir/R4/structuredefinition.html
"""

import pytest

from server.profiles.outline import described, outline, titled


def english(text):
    url = "http://hl7.org/fhir/StructureDefinition/translation"
    parts = [{"url": "lang", "valueCode": "en"}, {"url": "content", "valueString": text}]
    return {"extension": [{"url": url, "extension": parts}]}


DEFINITION = {
    "resourceType": "StructureDefinition",
    "title": "居民",
    "_title": english("Resident"),
    "description": "说明。\n\nText.",
    "differential": {
        "element": [
            {"id": "Patient", "path": "Patient"},
            {
                "id": "Patient.identifier",
                "path": "Patient.identifier",
                "slicing": {
                    "discriminator": [{"type": "value", "path": "system"}],
                    "rules": "open",
                },
                "min": 1,
                "constraint": [
                    {
                        "key": "a-1",
                        "severity": "error",
                        "human": "规则",
                        "_human": english("Rule"),
                        "expression": "true",
                    }
                ],
            },
            {
                "id": "Patient.identifier:card.type.coding",
                "path": "Patient.identifier.type.coding",
                "binding": {"strength": "required", "valueSet": "urn:v"},
            },
            {
                "id": "Patient.identifier:card",
                "path": "Patient.identifier",
                "sliceName": "card",
                "short": "证",
                "_short": english("Card"),
                "max": "1",
                "mustSupport": True,
                "mapping": [{"identity": "a", "map": "DE"}, {"identity": "b", "map": "DE"}],
            },
            {
                "id": "Patient.identifier:card.system",
                "path": "Patient.identifier.system",
                "fixedUri": "urn:s",
            },
        ]
    },
}


@pytest.fixture
def rows(definitions):
    return {row.id: row for row in outline(DEFINITION, definitions, "en").rows}


def test_the_base_tells_what_the_definition_leaves_alone(rows):
    assert rows["Patient.identifier"].card == "1..*"
    assert rows["Patient.identifier"].types == (("Identifier", None),)
    assert rows["Patient.identifier:card"].card == "0..1"
    assert rows["Patient.identifier:card.system"].card == "0..1"


def test_an_element_stands_below_the_nearest_that_is_told_of(rows):
    below = rows["Patient.identifier:card.type.coding"]
    assert (below.depth, below.name) == (2, "type.coding")
    assert (rows["Patient.identifier:card"].depth, rows["Patient"].depth) == (1, 0)


def test_a_slice_has_its_own_texts_and_data_elements(rows):
    card = rows["Patient.identifier:card"]
    assert (card.short, card.must_support, card.elements) == ("Card", True, ("DE",))
    assert rows["Patient.identifier:card.system"].value == "urn:s"


def test_rules_slices_and_bindings_are_listed(definitions):
    found = outline(DEFINITION, definitions, "en")
    assert [(rule.key, rule.human) for rule in found.rules] == [("a-1", "Rule")]
    assert [one.slices for one in found.slicings] == [("card",)]
    assert found.slicings[0].discriminators == ("value: system",)
    assert [(one.url, one.strength) for one in found.bindings] == [("urn:v", "required")]


def test_texts_come_in_the_language_asked_for(definitions):
    assert (titled(DEFINITION, "zh"), titled(DEFINITION, "en")) == ("居民", "Resident")
    assert (described(DEFINITION, "zh"), described(DEFINITION, "en")) == ("说明。", "Text.")
    chinese = outline(DEFINITION, definitions, "zh")
    assert [rule.human for rule in chinese.rules] == ["规则"]
