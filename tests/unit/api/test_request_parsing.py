"""Which interaction a request is, and on what.

Spec: https://hl7.org/fhir/R4/http.html#summary
"""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.api import requests
from server.fhir.outcome import (
    BadRequest,
    FhirError,
    MethodNotAllowed,
    NotFound,
    UnsupportedMediaType,
)
from server.interactions import urls
from server.interactions.routes import ROUTES
from server.settings import Settings

TYPES = frozenset({"Patient", "Observation"})
FORM = "application/x-www-form-urlencoded"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE")


def call(method, path, query="", body=b"", type="application/fhir+json", **headers):
    environ = {
        "REQUEST_METHOD": method,
        "QUERY_STRING": query,
        "CONTENT_TYPE": type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    return requests.call(environ, path, TYPES, Settings())


@pytest.mark.parametrize(
    ("method", "path", "interaction", "named"),
    [
        ("GET", "metadata", "capabilities", (None, None, None)),
        ("GET", "_history", "history-system", (None, None, None)),
        ("GET", "Patient", "search-type", ("Patient", None, None)),
        ("HEAD", "Patient", "search-type", ("Patient", None, None)),
        ("GET", "", "search-system", (None, None, None)),
        ("POST", "Patient/_search", "search-type", ("Patient", None, None)),
        ("POST", "Patient", "create", ("Patient", None, None)),
        ("PUT", "Patient", "update", ("Patient", None, None)),
        ("PATCH", "Patient", "patch", ("Patient", None, None)),
        ("DELETE", "Patient", "delete", ("Patient", None, None)),
        ("GET", "Patient/_history", "history-type", ("Patient", None, None)),
        ("GET", "Patient/1", "read", ("Patient", "1", None)),
        ("HEAD", "Patient/1", "read", ("Patient", "1", None)),
        ("PUT", "Patient/a-B.9", "update", ("Patient", "a-B.9", None)),
        ("PATCH", "Patient/1", "patch", ("Patient", "1", None)),
        ("DELETE", "Patient/1", "delete", ("Patient", "1", None)),
        ("GET", "Patient/1/_history", "history-instance", ("Patient", "1", None)),
        ("GET", "Patient/1/_history/2", "vread", ("Patient", "1", "2")),
        ("GET", f"Patient/{'x' * 64}", "read", ("Patient", "x" * 64, None)),
    ],
)
def test_a_url_and_a_method_mean_an_interaction(method, path, interaction, named):
    form = {"type": FORM} if path.endswith("_search") else {}
    made = call(method, path, **form)
    assert made.interaction == interaction
    assert (made.type, made.id, made.version) == named


@pytest.mark.parametrize(
    "path",
    ["Nobody", "patient", "Patient/1/2", "Patient/1/_history/2/3", "/Patient", "$",
     "Patient/1/$x/2", "Patient/_tag", "Patient/1/_tags", "metadata/x", "Patient//1"],
)  # fmt: skip
def test_a_url_that_means_nothing_is_not_found(path):
    with pytest.raises(NotFound):
        call("GET", path)


@pytest.mark.parametrize("id", ["a_b", "a b", "ä", "张", "..", ".", "a..b", "x" * 65, "a\0", "a%"])
def test_an_id_that_is_none_is_refused(id):
    """https://hl7.org/fhir/R4/datatypes.html#id."""
    with pytest.raises(BadRequest):
        call("GET", f"Patient/{id}")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "Patient/1", "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"),
        ("TRACE", "Patient", "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"),
        ("DELETE", "metadata", "GET, HEAD, OPTIONS"),
        ("GET", "Patient/_search", "POST, OPTIONS"),
    ],
)
def test_another_method_is_refused_with_those_there_are(method, path, allowed):
    with pytest.raises(MethodNotAllowed) as refusal:
        call(method, path)
    assert refusal.value.headers["Allow"] == allowed
    assert ", ".join(urls.methods(path, TYPES)) == allowed


def test_a_query_keeps_order_repetition_and_blanks():
    made = call("GET", "Patient", "b=2&a=1&b=&c=%E5%BC%A0+%2B")
    assert made.query == (("b", "2"), ("a", "1"), ("b", ""), ("c", "张 +"))


def test_criteria_may_have_their_letters_unescaped():
    as_wsgi_gives_it = "name=张三".encode().decode("latin-1")
    made = call("POST", "Patient", body=b"{}", If_None_Exist=as_wsgi_gives_it)
    assert made.criteria == "name=张三"


def test_criteria_in_another_encoding_are_refused():
    with pytest.raises(BadRequest):
        call("POST", "Patient", body=b"{}", If_None_Exist="name=\xd5\xc5")


@pytest.mark.parametrize(
    "query", ["a=%", "a=%4", "a=%zz", "a=%E5%BC", "a=%FF", "&".join("x" * 1001)]
)
def test_a_query_that_is_none_is_refused(query):
    with pytest.raises(BadRequest):
        call("GET", "Patient", query)


@pytest.mark.parametrize("family", [b"%E5%BC%A0", "张".encode()])
def test_a_search_by_post_adds_its_form_to_the_query(family):
    """https://url.spec.whatwg.org/#urlencoded-parsing: `curl -d` sends Han as it is."""
    body = b"family=" + family + b"&gender=female"
    made = call("POST", "Patient/_search", "_count=5", body, f"{FORM}; charset=utf-8")
    assert made.query == (("_count", "5"), ("family", "张"), ("gender", "female"))
    assert made.body == b""


def test_a_search_by_post_needs_no_body():
    assert call("POST", "Patient/_search", "_count=5", type="").query == (("_count", "5"),)


@pytest.mark.parametrize(
    ("type", "body", "refusal"),
    [
        ("application/json", b"{}", UnsupportedMediaType),
        (FORM, "family=张".encode()[:-1], BadRequest),
        (FORM, "family=张".encode("gb18030"), BadRequest),
        (FORM, b"family=%", BadRequest),
    ],
)
def test_a_form_that_is_none_is_refused(type, body, refusal):
    with pytest.raises(refusal):
        call("POST", "Patient/_search", "", body, type)


def test_a_body_is_read_by_those_interactions_that_want_one():
    assert call("POST", "Patient", body=b"{}").body == b"{}"
    assert call("PUT", "Patient/1", body=b"{}").body == b"{}"
    assert call("GET", "Patient/1", body=b"{}").body == b""
    with pytest.raises(UnsupportedMediaType):
        call("PUT", "Patient/1", body=b"{}", type="text/plain")


def test_conditions_are_taken_from_the_headers():
    made = call(
        "PUT",
        "Patient/1",
        if_match='W/"1"',
        if_none_match="*",
        if_none_exist="a=b",
        if_modified_since="x",
        prefer="return=minimal",
    )
    conditions = (made.if_match, made.if_none_match, made.criteria, made.if_modified_since)
    assert conditions == ('W/"1"', "*", "a=b", "x")
    assert made.preference.returns == "minimal"


@given(
    st.sampled_from(METHODS),
    st.lists(
        st.sampled_from(["Patient", "_history", "_search", "metadata", "1", "$x", "", "张"])
        | st.text(max_size=8),
        max_size=5,
    ),
    st.text(max_size=30),
)
def test_any_request_is_one_interaction_or_is_refused(method, segments, query):
    path = "/".join(segments)
    try:
        found = call(method, path, query, type=FORM).interaction
    except FhirError as refusal:
        found = refusal.status
    assert found in {route.interaction for route in ROUTES} | {400, 404, 405, 415}
