"""Names by their sound: ``name`` and our own parameter ``pinyin``."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import content
from server.profiles import own_parameters
from server.profiles.structure import structure_validator
from server.search.index import SearchIndex
from server.terminology.phonetics import load
from tests.unit.search.asking import Kept, leaves
from tests.unit.search.conftest import BASE, ZONE

FOLDER = content.PROFILES / "SearchParameter"


@pytest.fixture(scope="module", params=["beside R4's", "among R4's"])
def with_pinyin(facts, request):
    """An index that knows the parameter."""
    (own,) = (one for one in own_parameters.load(FOLDER) if one.code == "pinyin")
    if request.param == "beside R4's":
        found = SearchIndex(facts, ZONE, BASE)
        found.plans.replace(dict.fromkeys(own.base, (own,)), {})
        return found
    known = facts.search_parameters
    added = {type: {**known[type], own.code: own} for type in own.base}
    return SearchIndex(replace(facts, search_parameters={**known, **added}), ZONE, BASE)


def person(family="", given="", text="", type="Patient"):
    name = {"family": family, "given": [given] if given else None, "text": text}
    return {"resourceType": type, "name": [{key: value for key, value in name.items() if value}]}


PEOPLE = [
    person("张", "三"),
    person(text="張三"),
    person("单", "雄信"),
    person("曾", "国藩"),
    person("解", "缙"),
    person("仇", "英"),
    person("朴", "树"),
    person("尉迟", "恭"),
    person("令狐", "冲"),
    person("Zhang", "Sandra"),
    person("吕", "布"),
]


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        ("zhangsan", [0, 1, 9]),
        ("ZhangSan", [0, 1, 9]),
        ("zhang san", [0, 1, 9]),
        ("Zhang-San", [0, 1, 9]),
        ("zs", [0, 1]),
        ("张三", [0, 1]),
        ("張三", [0, 1]),
        ("章三", []),
        ("san", [0, 9]),
        ("shanxiongxin", [2]),
        ("sxx", [2]),
        ("zengguofan", [3]),
        ("zgf", [3]),
        ("guofan", [3]),
        ("xiejin", [4]),
        ("qiuying", [5]),
        ("piaoshu", [6]),
        ("yuchigong", [7]),
        ("linghuchong", [8]),
        ("lhc", [8]),
        ("lvbu", [10]),
        ("lubu", [10]),
        ("lübu", [10]),
        ("zhang1", []),
        ("zhang.*", []),
        ("'zs", []),
    ],
)
def test_a_name_is_found_as_it_is_written_and_as_it_sounds(database, index, text, positions):
    assert Kept(database, index, PEOPLE).found("name", text) == positions


def test_other_parts_of_a_name_are_found_as_they_are_written(database, index):
    kept = Kept(database, index, PEOPLE)
    assert kept.found("family", "zhang") == [9]
    assert kept.found("family", "张") == [0]


def test_only_people_are_named_by_sound(database, index):
    hospital = {"resourceType": "Organization", "name": "鼓楼医院"}
    assert Kept(database, index, [hospital]).found("name", "gulou") == []


@pytest.mark.parametrize("type", ["Patient", "Person", "Practitioner", "RelatedPerson"])
def test_pinyin_finds_people_by_what_phonetic_has_stored(database, index, with_pinyin, type):
    one = person("张", "三", type=type)
    kept = Kept(database, with_pinyin, [one, person("李", "四", type=type)])
    for text in ("zhangsan", "zs", "张三", "章三"):
        assert kept.found("pinyin", text) == [0]
    assert kept.found("pinyin", "四") == [1]
    (leaf,) = leaves(with_pinyin.plans[type].parameters["pinyin"])
    assert leaf.code == "phonetic"
    assert with_pinyin.entries(one)["s"] == index.entries(one)["s"]


@pytest.mark.parametrize(
    ("resource", "texts"),
    [
        ({"resourceType": "Organization", "name": "重庆医院", "alias": ["渝中院"]},
         ["chongqingyiyuan", "cqyy", "yuzhong", "重庆"]),
        ({"resourceType": "Location", "name": "长乐区", "alias": ["吴航"]},
         ["changle", "clq", "wuhang"]),
        ({"resourceType": "HealthcareService", "name": "骨科"}, ["guke", "gk", "骨科"]),
    ],
)  # fmt: skip
def test_pinyin_finds_institutions_and_places(database, with_pinyin, resource, texts):
    kept = Kept(database, with_pinyin, [resource, {"resourceType": resource["resourceType"]}])
    for text in texts:
        assert kept.found("pinyin", text) == [0]
    assert kept.found("pinyin", "bg") == []


def test_our_parameters_are_resources_of_fhir(all_facts):
    files = sorted(FOLDER.glob("*.json"))
    assert [file.stem for file in files] == [one.id for one in own_parameters.load(FOLDER)]
    for file in files:
        resource = orjson.loads(file.read_bytes())
        assert not list(structure_validator(all_facts).faults(resource))
        assert resource["url"].endswith(f"/SearchParameter/{file.stem}")


@given(st.text(alphabet="重长行单乐", min_size=200, max_size=200))
def test_long_names_have_bounded_sounds(name):
    sounds = load(content.TERMINOLOGY / "surname-readings.json").of_text(name)
    assert len(sounds) <= 32
    assert sum(map(len, sounds)) < 32 * 64 * 6


def test_every_surname_is_found_by_its_sound_however_the_name_is_written():
    sounds = load(content.TERMINOLOGY / "surname-readings.json")
    for surname, readings in sounds.surnames.items():
        for syllables in readings:
            sound = "".join(syllables) + "ming"
            assert sound in sounds.of_name(surname, "明")
            assert sound in sounds.of_text(f"{surname}明")


def test_a_surname_that_starts_like_one_of_two_characters_is_found(database, index):
    kept = Kept(database, index, [person(text="单于飞"), person("单", "于飞")])
    assert kept.found("name", "shanyufei") == [0, 1]
    assert kept.found("name", "syf") == [0, 1]
    assert kept.found("name", "chanyufei") == [0, 1]
