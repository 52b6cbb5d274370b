"""Strings: https://hl7.org/fhir/R4/search.html#string."""

import pytest


def person(**name):
    return {"resourceType": "Patient", "name": [name]}


PEOPLE = [
    person(family="张", given=["三丰"]),
    person(text="張三"),
    person(family="Müller", given=["Eva", "Anna-Lena"]),
    person(family="单", given=["雄信"], prefix=["Dr."]),
    person(text="李四", family="李", given=["四"]),
]


@pytest.mark.parametrize(
    ("parameter", "value", "ids"),
    [
        ("name", "张三", ["0", "1"]),
        ("name", "張", ["0", "1"]),
        ("name", "三丰", ["0"]),
        ("name", "丰", []),
        ("name", "张 三\u3000丰", ["0"]),
        ("family", "muller", ["2"]),
        ("family", "MUEL", []),
        ("name", "ＭÜＬ", ["2"]),
        ("given", "anna", ["2"]),
        ("given", "lena", []),
        ("name", "eva,张", ["0", "1", "2"]),
        ("name", "dr", ["3"]),
        ("name", ".*", []),
        ("name", "^张", []),
        ("phonetic", "zhangsan", ["0", "1"]),
        ("phonetic", "ZHANG San", ["0", "1"]),
        ("phonetic", "zs", ["0", "1"]),
        ("phonetic", "张三", ["0", "1"]),
        ("phonetic", "shanxiong", ["3"]),
        ("phonetic", "danxiongxin", ["3"]),
        ("phonetic", "单", ["3"]),
        ("phonetic", "额", ["2"]),
        ("phonetic", "ls", ["4"]),
        ("phonetic", "mullereva", ["2"]),
    ],
)
def test_strings_match_from_the_start_whatever_their_case_accents_and_characters(
    found, parameter, value, ids
):
    assert found(PEOPLE, **{parameter: value}) == ids


def test_every_part_of_an_address_is_found(found):
    parts = {
        "text": "福建省福州市", "line": ["人民路1号"], "city": "福州市", "district": "鼓楼区",
        "state": "福建省", "postalCode": "350001", "country": "CN",
    }  # fmt: skip
    homes = [{"resourceType": "Patient", "address": [parts]}]
    for value in ("福建省福州", "人民路", "鼓楼", "3500", "cn"):
        assert found(homes, address=value) == ["0"]
    assert found(homes, address__city="福州") == ["0"]
    assert found(homes, address__city="鼓楼") == []


def test_an_organization_is_found_by_its_sound(found):
    hospitals = [{"resourceType": "Organization", "name": "鼓楼医院"}]
    assert found(hospitals, phonetic="gulou") == ["0"]
    assert found(hospitals, phonetic="glyy") == ["0"]
    assert found(hospitals, phonetic="医院") == []


def test_a_long_string_is_found_by_its_start(found):
    long = "长" * 5000
    assert found([{"resourceType": "Library", "description": long}], description="长" * 500) == [
        "0"
    ]


def test_the_words_of_a_resource_are_indexed(index):
    resource = {
        "resourceType": "Patient",
        "text": {"div": "<div>Hello, <b>张三</b></div>"},
        "address": [{"text": "福建省福州市鼓楼区"}],
    }
    words = index.entries(resource)["w"]
    assert {"c:福建", "c:省福", "c:鼓楼", "t:hello", "t:张三"} <= set(words)
    assert not {"c:hello", "t:,", "t:b", "c:patient"} & set(words)
