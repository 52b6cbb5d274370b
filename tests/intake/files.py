"""Files as hospitals would send them; all residents in them are made up."""

import csv
import io

from server.profiles.identity_numbers.check_characters import of_resident

INSTITUTION = "12350600000000000G"


def number(count):
    """Return the ID number of a man, right in itself, and his date of birth."""
    born = f"{1940 + count % 70}{1 + count // 70 % 12:02}{1 + count // 840 % 28:02}"
    seventeen = f"350600{born}{(count // 23520 * 2 + 1) % 1000:03}"
    return seventeen + of_resident(seventeen), born


def person(count):
    id, born = number(count)
    return {
        "本人姓名": f"测试{'甲乙丙丁戊己庚辛'[count % 8]}",
        "性别代码": "1",
        "出生日期": born,
        "身份证件类别代码": "01",
        "身份证件号码": id,
        "本人电话号码": f"138{count:08}",
        "ABO血型代码": "1",
        "药物过敏源": "101",
        "既往患病种类代码": "02|03",
        "既往患病确诊日期": "20100101|20120305",
        "常住地址-市（地区、州）": "漳州市",
        "城乡居民健康档案编号": f"350602001001{count:05}",
        "建档日期": "20200101",
    }


def front_page(count):
    id, born = number(count)
    return {
        "组织机构代码": INSTITUTION,
        "医疗机构名称": "示例医院",
        "医疗付费方式代码": "01",
        "住院次数": "1",
        "病案号": f"{count:08}",
        "姓名": f"测试{'甲乙丙丁戊己庚辛'[count % 8]}",
        "性别代码": "1",
        "出生日期": born,
        "患者身份证件类别代码": "01",
        "患者身份证件号码": id,
        "入院日期时间": "20240501T090000",
        "出院日期时间": "20240508T100000",
        "实际住院天数": "7",
        "出院主要诊断名称": "急性化脓性阑尾炎",
        "出院主要诊断疾病编码": "K35.900x002",
        "出院其他诊断名称": "高血压病|2型糖尿病",
        "出院其他诊断疾病编码": "I10.x00x002|E11.900",
        "出院其他诊断入院病情代码": "1|1",
        "手术及操作编码": "47.0901",
        "手术及操作名称": "阑尾切除术",
        "手术及操作日期": "20240502T100000",
        "离院方式代码": "1",
        "住院总费用": "12345.60",
        "住院自付费用": "2345.00",
    }


def check_up(count):
    id, born = number(count)
    return {
        "姓名": f"测试{'甲乙丙丁戊己庚辛'[count % 8]}",
        "性别代码": "1",
        "出生日期": born,
        "身份证件类别代码": "01",
        "身份证件号码": id,
        "体检日期": "20240506",
        "左侧收缩压（mmHg）": "128",
        "左侧舒张压（mmHg）": "82",
        "身高（cm）": "170.0",
        "体重（kg）": "65.50",
    }


def csv_of(rows, encoding="utf-8"):
    """Return `rows`, dicts by header, as CSV; what only some have is empty in others."""
    header = list(dict.fromkeys(name for row in rows for name in row))
    content = io.StringIO()
    table = csv.DictWriter(content, header, restval="")
    table.writeheader()
    table.writerows(rows)
    return content.getvalue().encode(encoding)
