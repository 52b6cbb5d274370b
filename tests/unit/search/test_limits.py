"""A resource of some megabytes is indexed within bounds of size and work, or refused.

What takes more than linear time does not finish on these.
"""

import sys

import bson
import pytest

from server.fhir.outcome import TooLarge
from server.search.values import LONGEST_TERM
from server.terminology import folding

MEGABYTE = 2**20
MOST_BYTES = 2_500_000
HAN = "".join(chr(0x4E00 + position % 20_000) for position in range(20_000))


def patient(**elements):
    return {"resourceType": "Patient", "id": "1", **elements}


@pytest.mark.parametrize(
    "resource",
    [
        patient(name=[{"family": HAN}]),
        patient(name=[{"family": HAN, "given": [HAN] * 20, "text": HAN}]),
        patient(name=[{"text": "a" * MEGABYTE}]),
        patient(identifier=[{"system": "s" * MEGABYTE, "value": "v" * MEGABYTE}]),
        patient(address=[{"line": [HAN[start : start + 500] for start in range(19_000)][:200]}]),
        patient(text={"div": f"<div>{HAN * 40}</div>"}, implicitRules="http://" + "x" * MEGABYTE),
        {"resourceType": "Basic", "code": {"text": " " * MEGABYTE + "a"}},
        {"resourceType": "Group", "member": [{"entity": {"reference": f"Patient/{number}"}}
                                             for number in range(20_000)]},
        {"resourceType": "Bundle", "type": "collection", "entry": [
            {"resource": patient(name=[{"family": f"张{number}"}])} for number in range(100_000)]},
        {"resourceType": "CodeSystem", "concept": [{"code": f"A{number:05}", "display": "霍乱"}
                                                   for number in range(35_000)]},
    ],
)  # fmt: skip
def test_the_index_of_a_large_resource_is_bounded(index, resource):
    entries = index.entries(resource)
    assert len(bson.encode(entries)) < MOST_BYTES
    assert bson.decode(bson.encode(entries)) == entries


CODING = {"system": "http://loinc.org", "code": "8480-6", "display": "收缩压"}


@pytest.mark.parametrize(
    "resource",
    [
        patient(name=[{"family": HAN[start : start + 64]} for start in range(19_000)]),
        patient(name=[{"given": ["伟", "a"] * 100_000}]),
        patient(identifier=[{"value": f"{number}"} for number in range(100_000)]),
        {
            "resourceType": "Observation",
            "component": [
                {"code": {"coding": [CODING] * 3}, "valueQuantity": {"value": 1.5, "unit": "mm"}}
            ]
            * 80_000,
        },
        {"resourceType": "Observation", "code": {"coding": [CODING] * 100_000}},
        {
            "resourceType": "Schedule",
            "actor": [{"reference": f"Patient/{n}"} for n in range(10**5)],
        },
        {"resourceType": "RiskAssessment", "prediction": [{"probabilityDecimal": 0.5}] * 100_000},
    ],
)
def test_a_resource_of_more_values_than_an_index_takes_is_refused(index, resource):
    with pytest.raises(TooLarge) as refused:
        index.entries(resource)
    assert refused.value.status == 413
    assert refused.value.issues[0].text("zh") != refused.value.issues[0].text("en")


def test_long_values_are_found_whole_and_not_by_a_part(found):
    long = "v" * MEGABYTE
    people = [
        patient(id="0", identifier=[{"system": "http://a", "value": long}]),
        patient(id="1", identifier=[{"system": "http://a", "value": long + "w"}]),
        patient(id="2", identifier=[{"system": "http://a", "value": long[:LONGEST_TERM]}]),
    ]
    assert found(people, identifier=long) == ["0"]
    assert found(people, identifier=f"http://a|{long}w") == ["1"]
    assert found(people, identifier=long[:LONGEST_TERM]) == ["2"]
    assert found(people, identifier="http://a|") == ["0", "1", "2"]


def test_a_long_name_is_found_by_the_sound_of_its_start(found):
    people = [patient(id="0", name=[{"family": "张", "given": ["伟" * 500]}])]
    assert found(people, phonetic="zhangwei") == ["0"]
    assert found(people, phonetic="张" + "伟" * 200) == ["0"]
    assert found(people, phonetic="zhang" + "wei" * 10) == ["0"]
    assert found(people, phonetic="张" + "芳" * 200) == []


def test_folding_remembers_no_long_texts():
    kept = folding._remembered.cache_info().currsize
    for number in range(100):
        assert folding.folded("Ａ" * 1000 + str(number)).startswith("aaa")
    assert folding._remembered.cache_info().currsize == kept
    assert sys.getsizeof(folding.folded_start(HAN, 512)) < 2000
    assert folding.folded_start("Ａb" * 5000, 512) == "ab" * 256
