"""Import a file of a gigabyte: ``python -m tests.bench.large [GIGABYTES]``.

It has records of outpatients with long texts; each tenth row has a fault, and some are written in
ways that are put right. The import is killed after a minute, goes on, and is done once more. Prints
what it said each time and its most memory, then how many resources and rejects there are.
"""

import csv
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pymongo import MongoClient

from server.store.embedded import EmbeddedMongo
from tests.bench.intake import imported
from tests.intake import files

DATASET = "OutpatientRecord"
KILLED_AFTER = 60.0
_PIECE = 200
_CYCLE = 60
_SENTENCE = "无明显诱因出现头晕伴恶心未吐休息后稍缓解"
_COUNTED = ("EncounterRecord", "Encounter", "Patient", "Condition", "Composition")
_WIDE = 0xFEE0

Row = dict[str, str]


def main() -> None:
    """Measure and print."""
    size = int(float(sys.argv[1] if len(sys.argv) > 1 else 1) * 1024**3)
    with tempfile.TemporaryDirectory() as made, EmbeddedMongo(Path(made) / "mongodb") as url:
        settings = {"mongodb_url": url, "database": "large", "access": "open", "language": "en"}
        file = Path(made) / "visits.csv"
        rows, wrong = write(file, size)
        print(f"{rows} rows, {wrong} with a fault, {file.stat().st_size / 1024**3:.2f} GB")
        imported(file, settings, DATASET, KILLED_AFTER)
        for _ in range(2):
            imported(file, settings, DATASET)
        with MongoClient[dict[str, object]](url) as client:
            database = client["large"]
            print({name: database[name].estimated_document_count() for name in _COUNTED})
        print(dict(rules(Path(f"{file}.rejects.csv"))))


def write(file: Path, size: int) -> tuple[int, int]:
    """Write so many bytes of rows (`size`) to `file`; return how many, and how many are wrong."""
    rows = wrong = 0
    with file.open("wb") as stream:
        while stream.tell() < size:
            piece = [row(number) for number in range(rows, rows + _PIECE)]
            content = files.csv_of([cells for cells, _ in piece])
            stream.write(content if rows == 0 else content.partition(b"\n")[2])
            rows += _PIECE
            wrong += sum(is_wrong for _, is_wrong in piece)
    return rows, wrong


def row(number: int) -> tuple[Row, bool]:
    """Return the row of a visit, and whether it has a fault."""
    id, born = files.number(number)
    cells = {
        "医疗机构名称": "示例医院",
        "组织机构代码": files.INSTITUTION,
        "门（急）诊号": f"MZ{number:09}",
        "患者类型代码": "1",
        "就诊日期时间": "20240501T090000",
        "科室名称": "内科",
        "姓名": f"测试{'甲乙丙丁戊己庚辛'[number % 8]}",
        "性别代码": "1",
        "出生日期": born,
        "身份证件类别代码": "01",
        "身份证件号码": id,
        "主诉": _text(99),
        "现病史": _text(1990),
        "既往史": _text(990),
        "体格检查": _text(490),
        "辅助检查项目": "|".join(f"项目{each}" for each in range(4)),
        "辅助检查结果": "|".join(_text(900) for _ in range(4)),
        "诊断名称": "高血压病",
        "诊断代码": "I10.x00x002",
        "医嘱项目内容": "|".join(_text(900) for _ in range(4)),
    }
    faults: dict[int, Row] = {
        0: {"就诊日期时间": "20230230"},
        10: {"性别代码": "9X"},
        20: {"姓名": cells["性别代码"], "性别代码": cells["姓名"]},
        30: {"身份证件号码": id[:17] + ("0" if id[17] != "0" else "1")},
        40: {"出生日期": "２０２３０２３０"},
        50: {"诊断名称": ""},
    }
    put_right: dict[int, Row] = {
        15: {"出生日期": "".join(chr(ord(digit) + _WIDE) for digit in born)},
        25: {"姓名": f"{cells['姓名']}  ", "性别代码": " 1 "},
    }
    fault = faults.get(number % _CYCLE)
    return {**cells, **(fault or put_right.get(number % _CYCLE, {}))}, fault is not None


def rules(rejects: Path) -> Iterator[tuple[str, int]]:
    """Yield each rule that rows were rejected by, and how many were."""
    csv.field_size_limit(1 << 20)
    with rejects.open(encoding="utf-8-sig", newline="") as stream:
        found = Counter(one["_rule"] for one in csv.DictReader(stream))
    yield from found.most_common()


def _text(length: int) -> str:
    return (_SENTENCE * (length // len(_SENTENCE) + 1))[:length]


if __name__ == "__main__":
    main()
