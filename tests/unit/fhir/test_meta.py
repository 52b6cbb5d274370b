"""What is put into meta or taken out, and that nothing else changes.

Spec: https://hl7.org/fhir/R4/resource-operation-meta-add.html
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir.meta import added, key, removed

BODY = (
    b'{"resourceType":"Patient","id":"a","meta":{"versionId":"1","tag":[{"code":"a","x":1.50}],'
    b'"source":"\\u9648"},"multipleBirthInteger":1.00}'
)


def test_what_is_added_stands_behind_what_is_there():
    assert added(BODY, b'{"tag":[{"code":"b","y":2.0}],"profile":["urn:p"]}') == (
        b'{"resourceType":"Patient","id":"a","meta":{"versionId":"1","tag":'
        b'[{"code":"a","x":1.50},{"code":"b","y":2.0}],"source":"\\u9648","profile":["urn:p"]},'
        b'"multipleBirthInteger":1.00}'
    )


def test_what_is_left_without_an_item_is_left_out():
    assert removed(BODY, b'{"tag":[{"code":"a"}]}') == BODY.replace(
        b'"tag":[{"code":"a","x":1.50}],', b""
    )


@pytest.mark.parametrize(
    "meta",
    [
        b"{}",
        b'{"tag":[{"code":"a","display":"other"}]}',
        b'{"versionId":"9","lastUpdated":"2020-01-01T00:00:00Z","source":"urn:other"}',
    ],
)
def test_what_adds_nothing_changes_nothing(meta):
    assert added(BODY, meta) is BODY


@pytest.mark.parametrize(
    "meta", [b'{"tag":[{"code":"a","system":"urn:s"}]}', b'{"security":[{"code":"a"}]}']
)
def test_what_is_not_there_is_not_removed(meta):
    assert removed(BODY, meta) is BODY


def test_a_resource_without_meta_gets_one_behind_its_id():
    assert added(b'{"resourceType":"Patient","id":"a","active":true}', b'{"profile":["u"]}') == (
        b'{"resourceType":"Patient","id":"a","meta":{"profile":["u"]},"active":true}'
    )


WITH_EXTENSIONS = (
    b'{"resourceType":"Patient","meta":{"profile":["a",null,"b"],'
    b'"_profile":[null,{"id":"x"},{"id":"y"}]}}'
)


def test_extensions_of_profiles_stay_beside_them():
    assert added(WITH_EXTENSIONS, b'{"profile":["c"]}') == WITH_EXTENSIONS.replace(
        b'"b"]', b'"b","c"]'
    ).replace(b'{"id":"y"}]', b'{"id":"y"},null]')
    assert removed(WITH_EXTENSIONS, b'{"profile":["a"]}') == WITH_EXTENSIONS.replace(
        b'"a",', b""
    ).replace(b"null,{", b"{")


def test_profiles_that_are_only_extensions_are_kept():
    body = b'{"resourceType":"Patient","meta":{"_profile":[{"id":"x"}]}}'
    assert json.loads(added(body, b'{"profile":["c"]}'))["meta"] == {
        "_profile": [{"id": "x"}, None], "profile": [None, "c"],
    }  # fmt: skip


codings = st.fixed_dictionaries(
    {}, optional={one: st.sampled_from(["a", "b"]) for one in ("system", "code", "display")}
)
metas = st.fixed_dictionaries(
    {},
    optional={
        "tag": st.lists(codings, min_size=1, max_size=4),
        "security": st.lists(codings, min_size=1, max_size=4),
        "profile": st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4),
    },
)


def keys(meta, name):
    return {key(item) for item in meta.get(name, ())}


@given(metas, metas)
def test_afterwards_what_was_added_is_there_and_what_was_removed_is_not(old, given_meta):
    body = json.dumps({"resourceType": "Patient", "meta": old}).encode()
    sent = json.dumps(given_meta).encode()
    more = json.loads(added(body, sent)).get("meta", {})
    less = json.loads(removed(body, sent)).get("meta", {})
    for name in ("tag", "security", "profile"):
        assert keys(more, name) == keys(old, name) | keys(given_meta, name)
        assert keys(less, name) == keys(old, name) - keys(given_meta, name)
    assert added(added(body, sent), sent) == added(body, sent)


@pytest.mark.parametrize("name", ["tag", "security"])
def test_what_has_neither_system_nor_code_is_told_apart_by_its_display(name):
    body = b'{"resourceType":"Patient","meta":{"%b":[{"display":"a"}]}}' % name.encode()
    other = b'{"%b":[{"display":"b"}]}' % name.encode()
    both = body.replace(b"}]", b'},{"display":"b"}]')
    assert added(body, other) == both
    assert removed(body, other) == body
    assert removed(both, other) == body
    assert added(both, other) == both
