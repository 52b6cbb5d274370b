"""A column may be called by the Chinese name, the DE or the HDSD id of its data element."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir.outcome import NotFound, Unprocessable
from server.mappings.making import CALCULATED
from server.records.datasets import divided


@pytest.fixture
def front_page(datasets):
    return datasets.find("住院病案首页")


def messages(refused):
    return [issue.message for issue in refused.value.issues]


def test_headers_may_be_mixed(datasets):
    personal = datasets.find("PersonalInformation")
    columns = personal.headers(["HDSD00.01.003", "DE02.01.039.00", " 出生日期 ", "身份证号", ""])
    row = columns.row(["1", "测试甲", "19900115", "", "ignored"])
    assert row == {"性别代码": "1", "本人姓名": "测试甲", "出生日期": "19900115"}


def test_brackets_may_be_wide_or_narrow_and_ids_small(datasets):
    columns = datasets.find("HealthCheck").headers(["身高(cm)", "de04.10.188.00"])
    assert [name for name, _ in columns.names] == ["身高（cm）", "体重（kg）"]


def test_numbered_columns_are_values_of_one_element_in_their_places(front_page):
    columns = front_page.headers(["其他诊断名称2", "其他诊断名称1", "DE05.01.024.04#2"])
    row = columns.row(["糖尿病", "高血压|病", "E11.900"])
    assert row == {
        "出院其他诊断名称": "高血压\\|病|糖尿病",
        "出院其他诊断疾病编码": "|E11.900",
    }


TEXTS = st.lists(st.text("甲乙\\|｜;，", min_size=1, max_size=5), min_size=2, max_size=4)


@pytest.mark.parametrize("name", ["出院其他诊断名称", "出院其他诊断疾病编码", "II助姓名"])
@given(texts=TEXTS)
def test_what_stands_in_numbered_columns_is_one_value_each(datasets, name, texts):
    front_page = datasets.find("住院病案首页")
    columns = front_page.headers([f"{name}{place}" for place in range(1, len(texts) + 1)])
    cell = columns.row(texts)[name]
    assert divided(front_page.made.shape.columns[name], cell) == texts


def test_every_element_can_be_a_column_by_each_of_its_names(datasets):
    for dataset in datasets.all:
        written = [one for one in dataset.elements.values() if one.convert != CALCULATED]
        for element in written:
            for name in {element.name, *element.aliases} & {*element.headers}:
                ((meant, _),) = dataset.headers([name]).names
                assert meant == element.name


def test_an_unknown_header_is_named(front_page):
    with pytest.raises(Unprocessable) as refused:
        front_page.headers(["病案号", "心情"])
    (issue,) = refused.value.issues
    assert issue.message == "dataset-header-unknown"
    assert issue.arguments["header"] == "心情"


def test_an_ambiguous_header_is_named_with_what_it_may_be(datasets):
    with pytest.raises(Unprocessable) as refused:
        datasets.find("健康体检").headers(["DE04.10.174.00"])
    assert messages(refused) == ["dataset-header-ambiguous"]
    elements = refused.value.issues[0].arguments["elements"]
    assert elements == "左侧收缩压（mmHg）、右侧收缩压（mmHg）"


@pytest.mark.parametrize(
    "headers",
    [
        ["病案号", "DE01.00.004.00"],
        ["其他诊断名称1", "其他诊断名称1"],
        ["其他诊断名称", "其他诊断名称2"],
        ["其他诊断名称2", "其他诊断名称"],
    ],
)
def test_two_columns_for_one_element_are_refused(front_page, headers):
    with pytest.raises(Unprocessable) as refused:
        front_page.headers(headers)
    assert messages(refused) == ["dataset-header-twice"]


def test_a_data_set_that_is_not_there_is_told_with_those_that_are(datasets):
    with pytest.raises(NotFound) as refused:
        datasets.find("牙科病历")
    assert "住院病案首页" in refused.value.issues[0].arguments["known"]
