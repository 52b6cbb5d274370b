"""JSON is looked at, stamped and sent without altering a digit or the order of a property.

Spec: https://hl7.org/fhir/R4/json.html
"""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir import json as fhir_json
from server.fhir.outcome import BadRequest, TooLarge

DEPTH = 20
WHEN = "2026-01-01T08:00:00.000+08:00"
NAMES = st.text(min_size=1, max_size=8)
# Numbers as they are written, since their digits are what is looked at.
DIGITS = st.from_regex(
    r"-?(0|[1-9][0-9]{0,12})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?", fullmatch=True
)
BLANKS = st.sampled_from(["", " ", "\n", "\t ", "\r\n  "])


@st.composite
def texts(draw, depth=3):
    """Return JSON as somebody might write it: with white space, escapes and any digits."""
    kinds = ["number", "string", "word"] + ["array", "object"] * (depth > 0)
    blank = draw(BLANKS)
    match draw(st.sampled_from(kinds)):
        case "number":
            return blank + draw(DIGITS)
        case "string":
            return blank + json.dumps(draw(st.text(max_size=9)), ensure_ascii=draw(st.booleans()))
        case "word":
            return blank + draw(st.sampled_from(["true", "false", "null"]))
        case "array":
            items = draw(st.lists(texts(depth - 1), max_size=3))
            return f"{blank}[{','.join(items)}{blank}]"
    return blank + draw(objects(depth))


@st.composite
def objects(draw, depth=3, first=()):
    """Return a JSON object whose properties differ; `first` are (name, JSON text) pairs."""
    blank = draw(BLANKS)
    taken = {"resourceType", "id", "meta", *(name for name, _ in first)}
    names = draw(st.lists(NAMES.filter(lambda name: name not in taken), unique=True, max_size=4))
    pairs = [*first, *((name, draw(texts(depth - 1))) for name in names)]
    inner = (f"{blank}{json.dumps(name, ensure_ascii=False)}{blank}:{text}" for name, text in pairs)
    return f"{{{','.join(inner)}{blank}}}"


@st.composite
def resources(draw):
    """Return a resource with or without an id and a meta, in any order, and with any content."""
    own = [("resourceType", '"Patient"')]
    if draw(st.booleans()):
        own.append(("id", '"a"'))
    if draw(st.booleans()):
        own.append(("meta", draw(st.sampled_from(["{}", '{"source":"x","versionId":"7"}']))))
    return draw(objects(first=draw(st.permutations(own))))


def exact(body):
    """Return `body` parsed so that two are equal only if digits and order of properties are."""
    return json.loads(body, parse_float=str, parse_int=str, object_pairs_hook=tuple)


def is_encodable(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@given(resources().filter(is_encodable))
def test_what_is_kept_has_every_digit_and_every_property_in_its_place(text):
    value, kept = fhir_json.parse(text.encode(), DEPTH)
    assert exact(kept) == exact(text)
    assert value == json.loads(text)


@given(resources(), st.integers(1, 10**6))
def test_a_stamp_sets_three_things_and_leaves_the_rest(text, version):
    _, kept = fhir_json.parse(text.encode("utf-8", "replace"), DEPTH)
    before, after = exact(kept), exact(fhir_json.stamp(kept, "new", version, WHEN))
    meta = dict(dict(after)["meta"])
    assert dict(after)["id"] == "new"
    assert (meta["versionId"], meta["lastUpdated"]) == (str(version), WHEN)
    others = [pair for pair in before if pair[0] not in ("id", "meta")]
    assert [pair for pair in after if pair[0] not in ("id", "meta")] == others
    given_meta = dict(dict(before).get("meta", ()))
    assert {**given_meta, "versionId": str(version), "lastUpdated": WHEN} == meta
    names = [name for name, _ in before]
    assert [name for name, _ in after if name in names] == names


@pytest.mark.parametrize(
    ("body", "stamped"),
    [
        ('{"resourceType":"P","x":1}', ["resourceType", "id", "meta", "x"]),
        ('{"x":1,"resourceType":"P"}', ["x", "resourceType", "id", "meta"]),
        ('{"resourceType":"P","x":1,"id":"a"}', ["resourceType", "x", "id", "meta"]),
        ('{"meta":{},"resourceType":"P"}', ["meta", "resourceType", "id"]),
        ('{"id":"a","meta":{},"resourceType":"P"}', ["id", "meta", "resourceType"]),
    ],
)
def test_a_new_meta_stands_behind_the_id(body, stamped):
    assert list(json.loads(fhir_json.stamp(body.encode(), "a", 1, WHEN))) == stamped


def test_a_second_stamp_changes_the_version_alone():
    once = fhir_json.stamp(b'{"resourceType":"P","x":1.50}', "a", 1, WHEN)
    assert fhir_json.stamp(once, "a", 2, WHEN) == once.replace(b'"1"', b'"2"')
    assert fhir_json.stamp(once, "a", 1, WHEN) == once


@given(objects(), st.data())
def test_a_property_that_is_repeated_is_found_wherever_it_is(text, data):
    names = json.loads(text)
    if not names or not is_encodable(text):
        return
    name = data.draw(st.sampled_from(sorted(names)))
    spelled = json.dumps(name, ensure_ascii=data.draw(st.booleans()))
    doubled = f"{text.rstrip().removesuffix('}')},{spelled}:1}}"
    nested = data.draw(st.sampled_from(["{}", '{{"a":{}}}', '{{"a":[1,{{"b":{}}}]}}']))
    with pytest.raises(BadRequest) as refusal:
        fhir_json.parse(nested.format(doubled).encode(), DEPTH)
    assert refusal.value.issues[0].message == "json-duplicate-property"


@given(objects().filter(is_encodable))
def test_no_property_is_called_repeated_that_is_not(text):
    assert fhir_json.parse(text.encode(), DEPTH)[0] == json.loads(text)


@pytest.mark.parametrize("value", ['a":b', '{"a":1,"a":2}', '\\":', '"":', 'a\\\\":', '":":":'])
def test_a_string_that_looks_like_properties_is_a_string(value):
    body = json.dumps({"resourceType": "Patient", "a": value, "b": [value]}).encode()
    assert fhir_json.parse(body, DEPTH)[0]["a"] == value


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "body-missing"),
        (b" \n", "body-missing"),
        (b"\xef\xbb\xbf{}", "json-byte-order-mark"),
        (b"[]", "json-not-an-object"),
        (b'"a"', "json-not-an-object"),
        (b"null", "json-not-an-object"),
        (b"{", "json-malformed"),
        (b"{} {}", "json-malformed"),
        (b'{"a":NaN}', "json-malformed"),
        (b'{"a":-Infinity}', "json-malformed"),
        (b'{"a":01}', "json-malformed"),
        (b'{"a":.5}', "json-malformed"),
        (b'{"a":1,}', "json-malformed"),
        (b"{'a':1}", "json-malformed"),
        (b'{"a":"\xff"}', "json-malformed"),
        (b'{"a":"\xed\xa0\x80"}', "json-malformed"),
        (b'{"a":"\\ud800"}', "json-malformed"),
        (b'{"a":"\n"}', "json-malformed"),
        (b'{"a":1,"\\u0061":2}', "json-duplicate-property"),
    ],
)
def test_what_is_no_json_object_is_refused_for_what_it_is(body, message):
    with pytest.raises(BadRequest) as refusal:
        fhir_json.parse(body, DEPTH)
    assert refusal.value.issues[0].message == message


def test_the_place_of_a_fault_is_told():
    with pytest.raises(BadRequest) as refusal:
        fhir_json.parse(b'{\n  "a": 1,\n  "b": x\n}', DEPTH)
    assert dict(refusal.value.issues[0].arguments) == {"line": 3, "column": 8}


@pytest.mark.parametrize("opening", [b'{"a":', b"["])
def test_nesting_ends_at_the_limit(opening):
    closing = b"}" if opening[0:1] == b"{" else b"]"

    def nested(levels):
        return b'{"x":' + opening * levels + b"1" + closing * levels + b"}"

    assert fhir_json.parse(nested(DEPTH - 1), DEPTH)
    for levels in (DEPTH, 500, 100_000):
        with pytest.raises(TooLarge):
            fhir_json.parse(nested(levels), DEPTH)


@given(st.binary(max_size=60))
def test_any_bytes_are_parsed_or_refused(body):
    try:
        value, kept = fhir_json.parse(body, DEPTH)
    except (BadRequest, TooLarge):
        return
    assert exact(kept) == exact(body)
    assert isinstance(value, dict)


@given(DIGITS)
def test_an_exact_number_goes_out_as_it_came_in(digits):
    body = f'{{"a":{digits},"b":[{digits}]}}'.encode()
    assert fhir_json.dumps(fhir_json.exact(body)) == body


@given(objects().filter(is_encodable))
def test_what_is_laid_out_for_people_means_the_same(text):
    _, kept = fhir_json.parse(text.encode(), DEPTH)
    laid_out = fhir_json.pretty(kept)
    assert exact(laid_out) == exact(kept)
    assert fhir_json.parse(laid_out, DEPTH)[1] == kept


@pytest.mark.parametrize(
    ("microseconds", "zone", "text"),
    [
        (0, "UTC", "1970-01-01T00:00:00.000+00:00"),
        (1_000, "Asia/Shanghai", "1970-01-01T08:00:00.001+08:00"),
        (-1_000, "UTC", "1969-12-31T23:59:59.999+00:00"),
        (1_767_225_600_123_000, "Asia/Shanghai", "2026-01-01T08:00:00.123+08:00"),
        (1_767_225_600_999_999, "UTC", "2026-01-01T00:00:00.999+00:00"),
    ],
)
def test_an_instant_is_written_to_the_millisecond(microseconds, zone, text):
    assert fhir_json.instant(microseconds, ZoneInfo(zone)) == text


# Before 1901 the clocks of Shanghai were apart by seconds, which an instant of FHIR cannot say.
@given(st.integers(-2 * 10**15, 4 * 10**15))
def test_an_instant_is_read_back_to_the_millisecond(microseconds):
    text = fhir_json.instant(microseconds, ZoneInfo("Asia/Shanghai"))
    since = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    assert since // timedelta(milliseconds=1) == microseconds // 1000
