"""What rows of the field are like: what is only spelling is put right, all else is named.

Each fault names its data element by id and Chinese name, the rule and the value.
"""

import pytest

RIGHT = {
    "本人姓名": "测试甲",
    "性别代码": "1",
    "出生日期": "19900115",
    "身份证件类别代码": "01",
    "身份证件号码": "350600199001151016",
}


@pytest.fixture
def told(datasets):
    """Return a function that gives (element, rule, severity) of all that is said of a row."""
    personal = datasets.find("个人基本信息")

    def said(**changed):
        read = personal.read({**RIGHT, **changed})
        return [(one.element, one.rule, one.severity) for one in read.faults]

    return said


@pytest.fixture
def patient(datasets):
    """Return a function that gives the Patient of a row."""
    personal = datasets.find("个人基本信息")
    return lambda **changed: personal.read({**RIGHT, **changed}).resources[0]


def test_a_right_row_has_nothing_to_be_said_of(told):
    assert told() == []


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"出生日期": "20230230"}, ("出生日期", "date", "error")),
        ({"性别代码": "7"}, ("性别代码", "domain", "error")),
        ({"民族": "汉族"}, ("民族", "domain", "error")),
        ({"本人姓名": ""}, ("本人姓名", "required", "error")),
        ({"身份证件号码": "350600199001151017"}, ("身份证件号码", "number-check", "error")),
        ({"身份证件号码": "35060019900230101X"}, ("身份证件号码", "number-no-such-day", "error")),
        ({"出生日期": "19900116"}, ("出生日期", "contradiction", "error")),
        ({"性别代码": "2"}, ("性别代码", "contradiction", "error")),
        ({"城乡居民健康档案编号": "98060200100100001"},
         ("城乡居民健康档案编号", "number-province", "error")),
        ({"身份证件号码": "", "身份证件类别代码": ""}, ("身份证件号码", "nobody", "error")),
        ({"联系人电话号码": "13800138000"}, ("联系人电话号码", "needs", "error")),
        ({"既往患病种类代码": "01|02"}, ("既往患病种类代码", "alone", "error")),
        ({"本人姓名": "测试甲 "}, ("本人姓名", "spaces", "warning")),
        ({"本人姓名": "\u3000测试甲"}, ("本人姓名", "spaces", "warning")),
        ({"性别代码": "１"}, ("性别代码", "full-width", "warning")),
        ({"民族": "1"}, ("民族", "code-width", "warning")),
        ({"医疗费用支付方式代码": "09"}, ("医疗费用支付方式代码", "edition", "warning")),
        ({"建档日期": "2020-01-01", "城乡居民健康档案编号": "35060200100100001"},
         ("建档日期", "date-written", "warning")),
        ({"常住地址户籍标志": "是"}, ("常住地址户籍标志", "flag-written", "warning")),
        ({"工作单位名称": "-"}, ("工作单位名称", "empty", "warning")),
        ({"心情": "好"}, ("心情", "column-unknown", "error")),
    ],
)  # fmt: skip
def test_what_is_wrong_or_put_right_is_told_by_its_rule(told, changed, fault):
    assert told(**changed) == [fault]


def test_two_values_in_each_others_columns_are_one_fault_that_names_both(datasets):
    swapped = {"本人姓名": RIGHT["身份证件号码"], "身份证件号码": RIGHT["本人姓名"]}
    (fault,) = datasets.find("个人基本信息").read({**RIGHT, **swapped}).faults
    assert (fault.rule, fault.element) == ("swapped", "本人姓名")
    assert fault.arguments["other"] == "身份证件号码"


def test_dates_and_codes_in_each_others_columns_are_found_too(told):
    assert told(性别代码="19900115", 出生日期="1") == [("性别代码", "swapped", "error")]


def test_a_wrong_code_is_named_with_what_its_table_allows(datasets):
    (fault,) = datasets.find("个人基本信息").read({**RIGHT, "ABO血型代码": "8"}).faults
    assert (fault.de, fault.element, fault.value) == ("DE04.50.001.00", "ABO血型代码", "8")
    for language in ("zh", "en"):
        text = fault.issue(7).text(language)
        assert "ABO血型代码" in text
        assert "1 A型；2 B型" in text
    assert fault.issue(7).expression == "row[7].DE04.50.001.00"


def test_a_message_shows_no_number_of_a_person_whole_but_the_fault_has_it(datasets):
    number = "350600199001151017"
    (fault,) = datasets.find("个人基本信息").read({**RIGHT, "身份证件号码": number}).faults
    assert fault.value == number
    assert number not in fault.issue().text("zh") + fault.issue().text("en")


def test_a_small_x_becomes_a_capital(told, patient):
    small = {"出生日期": "19800101", "身份证件号码": "35060019800101069x"}
    assert told(**small) == [("身份证件号码", "small-x", "warning")]
    assert patient(**small)["identifier"][0]["value"] == "35060019800101069X"


def test_an_id_number_of_15_digits_becomes_one_of_18_and_stays_as_the_old_one(told, patient):
    old = {"身份证件号码": "350600900115101"}
    assert told(**old) == [("身份证件号码", "upgraded", "warning")]
    identifiers = [(one["use"], one["value"]) for one in patient(**old)["identifier"]]
    assert identifiers == [("official", "350600199001151016"), ("old", "350600900115101")]


def test_a_code_of_another_edition_is_kept_with_its_edition(datasets):
    read = datasets.find("个人基本信息").read({**RIGHT, "医疗费用支付方式代码": "01|09"})
    coverage = [one for one in read.resources if one["resourceType"] == "Coverage"]
    assert [one["type"]["coding"][0]["version"] for one in coverage] == ["2011", "2023"]


def test_the_same_code_of_two_tables_is_never_taken_for_the_other(datasets):
    # CV04.50.020 is Rh in the edition of 2014, and a kind of blood product in that of 2023.
    read = datasets.find("个人基本信息").read({**RIGHT, "Rh血型代码": "1"})
    (group,) = [one for one in read.resources if one["resourceType"] == "Observation"]
    (coding,) = group["valueCodeableConcept"]["coding"]
    assert (coding["system"], coding["display"]) == ("urn:oid:2.16.156.10011.2.3.1.250", "阴性")


def test_a_row_with_a_fault_is_refused_and_one_put_right_is_not(datasets):
    personal = datasets.find("个人基本信息")
    assert personal.read({**RIGHT, "性别代码": "7"}).is_refused
    assert not personal.read({**RIGHT, "性别代码": "１"}).is_refused
