"""Documents that are written from values read back to the same values."""

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.mappings import papers_written as written

WORDS = st.text(st.sampled_from("咳嗽头晕高血压病肺炎" + string.ascii_letters + "&<>"), min_size=1)
CODES = st.from_regex(r"[A-Z][0-9]{2}\.[0-9]{1,3}", fullmatch=True)


def row(document, name):
    return next(one for one in document.rows if one.name == name and one.de)


@settings(max_examples=40)
@given(
    diagnoses=st.lists(st.tuples(WORDS, CODES | st.just("")), min_size=1, max_size=5),
    orders=st.lists(st.tuples(WORDS, st.sampled_from(["01", "02", "99"])), max_size=4),
    complaint=WORDS.map(lambda text: text[:100]),
    is_cluster=st.booleans(),
)
def test_names_and_codes_stay_together(interpreters, diagnoses, orders, complaint, is_cluster):
    document = interpreters.documents.by_code["C0002"]
    names, codes = zip(*diagnoses, strict=True)
    columns = {row(document, "诊断名称"): names, row(document, "诊断代码"): codes}
    contents, types = zip(*orders, strict=True) if orders else ((), ())
    ordered = {row(document, "医嘱项目内容"): contents, row(document, "医嘱项目类型"): types}
    xml = written.document(
        document,
        {
            "10154-3": [written.entry(written.observation(row(document, "主诉"), complaint))],
            "29548-5": [
                written.entry(*one, is_cluster=is_cluster) for one in written.items(columns)
            ],
            "46209-3": [
                written.entry(*one, is_cluster=is_cluster) for one in written.items(ordered)
            ],
        },
    )
    found = interpreters.documents.read(xml).row
    assert found["主诉"] == complaint
    assert padded(found["诊断名称"], names) == list(names)
    assert padded(found.get("诊断代码", ""), codes) == list(codes)
    assert padded(found.get("医嘱项目内容", ""), contents) == list(contents)
    assert padded(found.get("医嘱项目类型代码", ""), types) == list(types)


def padded(cell, expected):
    """Return the values in `cell`, as many as are expected."""
    values = cell.split("|") if cell or expected else []
    return values + [""] * (len(expected) - len(values))
