"""JSON Patch, by the RFC's own examples and beside the library jsonpatch.

Spec: https://www.rfc-editor.org/rfc/rfc6902
"""

import json

import jsonpatch
import jsonpointer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir import json_patch
from server.fhir.outcome import BadRequest, TooLarge, Unprocessable

DEPTH = 20


def patched(document, *operations):
    """Return the text of `document`, itself a text, after `operations`, which may be texts."""
    rows = [one if isinstance(one, str) else json.dumps(one) for one in operations]
    patch = json_patch.operations(f"[{','.join(rows)}]".encode(), DEPTH)
    return json_patch.applied(patch, document.encode()).decode()


def add(path, value):
    return {"op": "add", "path": path, "value": value}


def test(path, value):
    return {"op": "test", "path": path, "value": value}


def move(source, path):
    return {"op": "move", "from": source, "path": path}


def copy(source, path):
    return {"op": "copy", "from": source, "path": path}


def replace(path, value):
    return {"op": "replace", "path": path, "value": value}


def remove(path):
    return {"op": "remove", "path": path}


test.__test__ = False

APPENDIX = [
    ("A.1 add a member", '{"foo":"bar"}', add("/baz", "qux"), {"baz": "qux", "foo": "bar"}),
    ("A.2 add an item", '{"foo":["bar","baz"]}', add("/foo/1", "qux"),
     {"foo": ["bar", "qux", "baz"]}),
    ("A.3 remove a member", '{"baz":"qux","foo":"bar"}', remove("/baz"), {"foo": "bar"}),
    ("A.4 remove an item", '{"foo":["bar","qux","baz"]}', remove("/foo/1"),
     {"foo": ["bar", "baz"]}),
    ("A.5 replace a value", '{"baz":"qux","foo":"bar"}', replace("/baz", "boo"),
     {"baz": "boo", "foo": "bar"}),
    ("A.6 move a value", '{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}',
     move("/foo/waldo", "/qux/thud"),
     {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}}),
    ("A.7 move an item", '{"foo":["all","grass","cows","eat"]}', move("/foo/1", "/foo/3"),
     {"foo": ["all", "cows", "eat", "grass"]}),
    ("A.10 add a nested member", '{"foo":"bar"}', add("/child", {"grandchild": {}}),
     {"foo": "bar", "child": {"grandchild": {}}}),
    ("A.11 members that are not known are passed over", '{"foo":"bar"}',
     {**add("/baz", "qux"), "xyz": 123}, {"foo": "bar", "baz": "qux"}),
    ("A.14 escapes", '{"/":9,"~1":10}', test("/~01", 10), {"/": 9, "~1": 10}),
    ("A.16 add an array to an array", '{"foo":["bar"]}', add("/foo/-", ["abc", "def"]),
     {"foo": ["bar", ["abc", "def"]]}),
]  # fmt: skip


@pytest.mark.parametrize(("_name", "document", "operation", "expected"), APPENDIX)
def test_the_examples_of_the_rfc(_name, document, operation, expected):
    """RFC 6902 appendix A."""
    assert json.loads(patched(document, operation)) == expected


def test_several_tests_succeed():
    """RFC 6902 A.8."""
    document = '{"baz":"qux","foo":["a",2,"c"]}'
    assert patched(document, test("/baz", "qux"), test("/foo/1", 2)) == document


UNPROCESSABLE = [
    ("A.9 a test that fails", '{"baz":"qux"}', test("/baz", "bar")),
    ("A.12 a place that is not there", '{"foo":"bar"}', add("/baz/bat", "qux")),
    ("A.15 a number is not its text", '{"/":9,"~1":10}', test("/~01", "10")),
    ("true is not 1", '{"a":1}', test("/a", True)),
    ("null is not absence", "{}", test("/a", None)),
    ("an index behind the end", '{"a":[1]}', add("/a/2", 1)),
    ("no item behind the last is removed", '{"a":[1]}', remove("/a/1")),
    ("no item behind the last is replaced", '{"a":[1]}', replace("/a/-", 1)),
    ("nothing can be taken from behind the last", '{"a":[1]}', copy("/a/-", "/b")),
    ("a leading zero", '{"a":[1,2]}', replace("/a/01", 3)),
    ("a sign", '{"a":[1,2]}', replace("/a/-1", 3)),
    ("a plus", '{"a":[1,2]}', replace("/a/+1", 3)),
    ("digits of another script", '{"a":[1,2]}', replace("/a/١", 3)),
    ("an index too large for any array", '{"a":[1]}', add("/a/" + "9" * 5000, 1)),
    ("a name where an index is due", '{"a":[1]}', add("/a/x", 1)),
    ("a step into a text", '{"a":"b"}', add("/a/0", 1)),
    ("a step into a number", '{"a":1}', add("/a/0", 1)),
    ("a step into null", '{"a":null}', add("/a/0", 1)),
    ("a member that is not there is not removed", "{}", remove("/a")),
    ("a member that is not there is not replaced", "{}", replace("/a", 1)),
    ("a member that is not there is not moved", "{}", move("/a", "/b")),
    ("a member that is not there is not moved to where it is", "{}", move("/a", "/a")),
    ("nothing moves into itself", '{"a":{"b":1}}', move("/a", "/a/b")),
    ("the document does not move into itself", '{"a":1}', move("", "/a")),
    ("the document is not removed", '{"a":1}', remove("")),
    ("the document stays an object", '{"a":1}', replace("", [1])),
]


@pytest.mark.parametrize(("_name", "document", "operation"), UNPROCESSABLE)
def test_what_cannot_be_done_is_unprocessable(_name, document, operation):
    with pytest.raises(Unprocessable):
        patched(document, operation)


MALFORMED = [
    "{}", "null", "[", "", '[{"op":"add"}]', "[1]", '["add"]', "[[]]", "[null]",
    '[{"op":"add","path":"/a"}]', '[{"op":"test","path":"/a"}]', '[{"op":"replace","path":"/a"}]',
    '[{"op":"add","value":1}]', '[{"op":"add","path":"a","value":1}]',
    '[{"op":"add","path":1,"value":1}]', '[{"op":"add","path":null,"value":1}]',
    '[{"op":"add","path":"/~","value":1}]', '[{"op":"add","path":"/~2","value":1}]',
    '[{"op":"move","path":"/a"}]', '[{"op":"copy","path":"/a","from":"b"}]',
    '[{"op":"ADD","path":"/a","value":1}]', '[{"op":["add"],"path":"/a","value":1}]',
    '[{"path":"/a","value":1}]', '[{"op":"spam","path":"/a"}]',
    # RFC 6902 A.13: a member that is there twice.
    '[{"op":"add","path":"/baz","value":"qux","op":"remove"}]',
    '[{"op":"add","path":"/a","value":1e400}]', '[{"op":"add","path":"/a","value":NaN}]',
]  # fmt: skip


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_json_patch_is_a_bad_request(text):
    with pytest.raises(BadRequest):
        json_patch.operations(text.encode(), DEPTH)


def test_digits_stay_as_they_are_written():
    document = '{"a":1.50,"b":[1e2,0.000],"c":123456789012345678901234567890}'
    changed = patched(
        document,
        '{"op":"add","path":"/d","value":2.00}',
        '{"op":"copy","from":"/a","path":"/b/-"}',
        '{"op":"move","from":"/c","path":"/e"}',
        '{"op":"test","path":"/a","value":1.5}',
        '{"op":"test","path":"/b/0","value":100}',
    )
    assert changed == '{"a":1.50,"b":[1e2,0.000,1.50],"d":2.00,"e":123456789012345678901234567890}'


@pytest.mark.parametrize(
    ("number", "other", "same"),
    [
        ("1.0", "1", True),
        ("100", "1e2", True),
        ("-0", "0", True),
        ("0.1", "0.10000000000000000001", False),
        ("1", '"1"', False),
        ("1", "true", False),
        ("0", "false", False),
        ("1e-99999999999999999999", "1e-99999999999999999999", True),
        ("[1]", "1", False),
    ],
)
def test_a_test_compares_numbers_by_value(number, other, same):
    asked = f'{{"op":"test","path":"/a","value":{other}}}'
    document = f'{{"a":{number}}}'
    if same:
        assert patched(document, asked) == document
    else:
        with pytest.raises(Unprocessable):
            patched(document, asked)


def test_a_test_compares_objects_in_any_order():
    document = '{"a":{"b":[1,2],"c":null}}'
    assert patched(document, test("/a", {"c": None, "b": [1, 2]})) == document
    with pytest.raises(Unprocessable):
        patched(document, test("/a/b", [2, 1]))


def test_what_changes_nothing_gives_the_same_bytes():
    document = '{"a":"\\u4e2d\\/","b":1.0}'
    assert patched(document) == document
    assert patched(document, add("/c", 1), remove("/c")) == document
    assert patched(document, '{"op":"replace","path":"/b","value":1.0}') == document
    assert patched(document, '{"op":"replace","path":"/b","value":1.00}') != document


def test_nothing_is_changed_for_the_next_who_applies_the_patch():
    patch = json_patch.operations(
        json.dumps([add("/a", {"b": []}), add("/a/b/-", 1)]).encode(), DEPTH
    )
    assert json_patch.applied(patch, b"{}") == json_patch.applied(patch, b"{}")


def test_a_copy_is_independent_of_what_it_was_copied_from():
    assert patched('{"a":{"b":1}}', copy("/a", "/c"), replace("/c/b", 2)) == (
        '{"a":{"b":1},"c":{"b":2}}'
    )


def test_a_name_may_be_empty_or_anything_else():
    document = '{"":{"":1},"a/b":{"~":2},"甲":[{"乙":3}],"0":4}'
    changed = patched(document, replace("//", 5), replace("/a~1b/~0", 6), remove("/甲/0/乙"))
    assert json.loads(changed) == {"": {"": 5}, "a/b": {"~": 6}, "甲": [{}], "0": 4}


def test_copies_of_copies_are_bounded():
    doubling = [copy("/a", "/a/-")] * 40
    with pytest.raises(TooLarge):
        patched('{"a":["x"]}', *doubling)


def test_copies_into_depth_are_bounded():
    with pytest.raises(TooLarge):
        patched('{"a":{}}', *[copy("/a", "/a/a")] * 300)


def test_comparing_is_bounded():
    document = json.dumps({"a": "x" * 1_000_000})
    with pytest.raises(TooLarge):
        patched(document, *[test("", json.loads(document))] * 20)


def test_the_number_of_operations_is_bounded():
    row = json.dumps(add("/a", 1))
    most = f"[{','.join([row] * json_patch.MOST_OPERATIONS)}]"
    assert json_patch.applied(json_patch.operations(most.encode(), DEPTH), b"{}") == b'{"a":1}'
    with pytest.raises(TooLarge):
        json_patch.operations(f"{most[:-1]},{row}]".encode(), DEPTH)


def test_a_patch_that_nests_too_deep_is_refused():
    with pytest.raises(TooLarge):
        json_patch.operations(json.dumps([add("/a", [[[[1]]]])]).encode(), 3)


NAMES = st.sampled_from(["a", "b", "~", "/", "0", "", "甲"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "x", "甲"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
POINTERS = st.lists(NAMES | st.sampled_from(["1", "2", "-"]), max_size=3).map(
    lambda parts: jsonpointer.JsonPointer.from_parts(parts).path
)
OPERATIONS = st.one_of(
    st.builds(add, POINTERS, VALUES),
    st.builds(replace, POINTERS, VALUES),
    st.builds(remove, POINTERS),
    st.builds(test, POINTERS, VALUES),
    st.builds(move, POINTERS, POINTERS),
    st.builds(copy, POINTERS, POINTERS),
)


@given(st.dictionaries(NAMES, VALUES, max_size=3), st.lists(OPERATIONS, max_size=4))
def test_the_outcome_is_that_of_the_library(document, operations):
    try:
        expected = jsonpatch.apply_patch(document, operations)
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException):
        expected = None
    try:
        found = json.loads(patched(json.dumps(document), *operations))
    except Unprocessable:
        found = None
    assert json.dumps(found, sort_keys=True) == json.dumps(
        expected if isinstance(expected, dict) else None, sort_keys=True
    )
