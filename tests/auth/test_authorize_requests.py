"""AUT-01 to AUT-12, AUT-16, AUT-17, AUT-25: requests that are good, and those that are not."""

from urllib.parse import quote, urlencode

import pytest
import requests

from tests.auth.visit import REDIRECT, TIMEOUT, query


@pytest.fixture
def visit(world, app):
    return world.visit(app)


def ask(visit, method="GET", **changed):
    """Send a request as it is, and follow nothing."""
    given = visit.parameters(**changed)
    where = {"params": given} if method == "GET" else {"data": given}
    url = f"{visit.root}/authorize"
    return requests.request(method, url, allow_redirects=False, timeout=TIMEOUT, **where)


def is_page(answer):
    return answer.status_code == 400 and "Location" not in answer.headers


def refusal(answer):
    assert answer.status_code == 303, answer.text
    location = answer.headers["Location"]
    assert location.startswith(REDIRECT + "?"), location
    return query(location)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_both_methods_lead_to_sign_in(visit, method):
    """AUT-01."""
    visit.ask(method)
    assert visit.answer.status_code == 200
    assert "/sign-in" in visit.answer.url


@pytest.mark.parametrize("client_id", [None, "", "nobody", "居民", "a b", '"', "\\", "$ne", "\x00"])
def test_an_unknown_client_is_told_to_the_person_only(visit, client_id):
    """AUT-02."""
    assert is_page(ask(visit, client_id=client_id))


@pytest.mark.parametrize("status", ["pending", "suspended", "refused"])
def test_a_client_that_is_not_approved_is_unknown(world, status):
    """AUT-02."""
    assert is_page(ask(world.visit(world.app(status=status))))


FOREIGN = [
    None, "", "https://app.test", "https://app.test/", "https://app.test/callback/",
    "https://app.test/Callback", "https://APP.test/callback", "https://app.test:443/callback",
    "https://app.test/callback?", "https://app.test/callback?a=b", "https://app.test/callback#",
    "https://user@app.test/callback", "https://app.test/callbac%6b", "https://äpp.test/callback",
    "https://app.test/callback\n", "https://app.test/callback%0d%0aSet-Cookie:a=b",
    "http://app.test/callback", "//evil.test", "https:evil.test", "\\evil.test",
    "javascript:alert(1)",
    "https://app.test/callback居民", 'https://app.test/"callback', "data:text/html,x",
]  # fmt: skip


@pytest.mark.parametrize("address", FOREIGN)
def test_the_browser_is_sent_to_registered_addresses_only(visit, address):
    """AUT-03, AUT-25, BCP-01."""
    assert is_page(ask(visit, redirect_uri=address))


def test_the_port_of_a_loopback_address_may_vary(world):
    """AUT-03: https://www.rfc-editor.org/rfc/rfc8252#section-7.3."""
    app = world.app(redirect_uris=["http://127.0.0.1:4567/cb", "http://[::1]/cb"])
    for address in ("http://127.0.0.1:9/cb", "http://127.0.0.1/cb", "http://[::1]:65000/cb"):
        assert ask(world.visit(app), redirect_uri=address).status_code == 303
    for address in ("http://127.0.0.1:9/cb/", "http://127.0.0.2:9/cb", "http://localhost:9/cb"):
        assert is_page(ask(world.visit(app), redirect_uri=address))
    assert is_page(ask(world.visit(app), redirect_uri="http://127.0.0.1:9/cb\t"))
    assert is_page(ask(world.visit(app), redirect_uri="http://a@127.0.0.1:9/cb"))


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": "居民"}, "unsupported_response_type"),
        ({"response_type": '"\\'}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"aud": None}, "invalid_request"),
        ({"aud": "https://other.test/fhir"}, "invalid_request"),
        ({"aud": "居民"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "a" * 42}, "invalid_request"),
        ({"code_challenge": "a" * 44}, "invalid_request"),
        ({"code_challenge": "居" * 43}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "居民"}, "invalid_scope"),
        ({"scope": "patient/Observation."}, "invalid_scope"),
        ({"scope": "patient/Observation.dus PATIENT/*.rs patient/Foo.rs"}, "invalid_scope"),
        ({"scope": "system/*.rs"}, "invalid_scope"),
        ({"scope": "fhirUser launch/patient"}, "invalid_scope"),
        ({"scope": "launch patient/*.rs"}, "invalid_request"),
        ({"launch": "nowhere"}, "invalid_request"),
        ({"launch": "nowhere", "scope": "launch patient/*.rs"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "never"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": "٣"}, "invalid_request"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"request_uri": "https://app.test/request"}, "request_uri_not_supported"),
        ({"nonce": "a\nb"}, "invalid_request"),
    ],
    ids=str,
)
def test_a_client_is_told_what_is_wrong(visit, asked, error):
    """AUT-04, AUT-05, AUT-07, AUT-08, AUT-10, AUT-12, AUT-13, AUT-17, JAR-09."""
    told = refusal(ask(visit, **asked))
    assert (told["error"], told["state"], told["iss"]) == (error, visit.state, visit.root)
    assert "code" not in told


def test_a_confidential_client_has_a_challenge_too(world):
    """AUT-07, BCP-02."""
    visit = world.visit(world.app(secret="s" * 40))
    assert refusal(ask(visit, code_challenge=None))["error"] == "invalid_request"


def test_the_audience_is_this_server(visit):
    """AUT-05."""
    base = f"{visit.root}/fhir"
    for aud in (visit.root, base[:-1], f"{base}/Patient", f"{base}?", base.upper()):
        assert refusal(ask(visit, aud=aud))["error"] == "invalid_request"
    assert "/consent/" in ask(visit, aud=None, resource=base).headers["Location"]
    assert refusal(ask(visit, resource="https://other.test"))["error"] == "invalid_request"


def test_a_state_is_needed(visit):
    """AUT-06."""
    told = refusal(ask(visit, state=None))
    assert told["error"] == "invalid_request"
    assert "state" not in told


STATES = ['a&b="c"', "a\r\nSet-Cookie: a=b", "居民", "x" * 2000, "%2F%%", "a+b c", " ", "\\", "😀"]


@pytest.mark.parametrize("state", STATES, ids=range(len(STATES)))
def test_a_state_comes_back_byte_by_byte(world, app, state):
    """AUT-06."""
    visit = world.visit(app, world.resident())
    answer = ask(visit, state=state, aud=None)
    assert refusal(answer)["state"] == state
    assert f"state={quote(state, safe='')}&" in answer.headers["Location"]
    visit.ask(state=state)
    assert visit.allow()["state"] == state


def test_a_state_that_is_no_text_comes_back_too(visit):
    """AUT-06."""
    given = urlencode(visit.parameters(state=None, aud=None))
    url = f"{visit.root}/authorize?{given}&state=%ff%fe%00"
    answer = requests.get(url, allow_redirects=False, timeout=TIMEOUT)
    assert "state=%FF%FE%00&" in answer.headers["Location"]


REPEATABLE = ["scope", "state", "aud", "response_type", "code_challenge", "nonce", "launch", "x"]


@pytest.mark.parametrize("name", REPEATABLE)
def test_a_parameter_comes_once(visit, name):
    """AUT-09."""
    given = [*visit.parameters().items(), (name, "a"), (name, "b")]
    url = f"{visit.root}/authorize"
    for method, where in (("GET", {"params": given}), ("POST", {"data": given})):
        answer = requests.request(method, url, allow_redirects=False, timeout=TIMEOUT, **where)
        assert refusal(answer)["error"] == "invalid_request"


@pytest.mark.parametrize("name", ["redirect_uri", "client_id"])
def test_nobody_is_redirected_by_one_of_two_addresses(visit, name):
    """AUT-09."""
    given = visit.parameters()
    url = f"{visit.root}/authorize?{urlencode(given)}&{name}={quote(given[name])}"
    assert is_page(requests.get(url, allow_redirects=False, timeout=TIMEOUT))


def test_parameters_come_from_one_place(visit):
    """AUT-09, P20."""
    given = visit.parameters()
    scope = given.pop("scope")
    url = f"{visit.root}/authorize?scope={quote(scope)}"
    answer = requests.post(url, data=given, allow_redirects=False, timeout=TIMEOUT)
    assert refusal(answer)["error"] == "invalid_request"


def test_only_a_form_is_a_body(visit):
    given = visit.parameters()
    url = f"{visit.root}/authorize"
    assert is_page(requests.post(url, json=given, allow_redirects=False, timeout=TIMEOUT))


def test_more_parameters_than_any_request_has_are_refused(visit):
    url = f"{visit.root}/authorize?" + "&".join(f"p{n}=1" for n in range(100))
    assert is_page(requests.get(url, timeout=TIMEOUT))


def test_a_client_asks_for_no_more_than_it_was_approved_for(world):
    """AUT-10."""
    app = world.app(scope="patient/Observation.rs launch/patient")
    visit = world.visit(app, world.resident())
    visit.ask(scope="openid offline_access patient/Observation.rs patient/*.rs user/*.rs")
    assert next(iter(visit.ticks)) == "results.see"
    tokens = visit.redeem(visit.allow()["code"]).json()
    assert tokens["scope"] == "patient/Observation.rs"


def test_malformed_scopes_count_as_not_there(world, app):
    """AUT-10."""
    visit = world.visit(app, world.resident())
    visit.ask(
        scope="patient/Condition.rs patient/Observation.rr patient/Condition.rs? user/x.rs 居民"
    )
    assert visit.redeem(visit.allow()["code"]).json()["scope"] == "patient/Condition.rs"


def test_a_patient_is_in_context_if_scopes_need_one(world, app):
    """AUT-11."""
    someone = world.resident()
    tokens = world.tokens(app, someone, scope="patient/*.rs")
    assert f"Patient/{tokens['patient']}" == someone.patient


def test_success_is_told_with_code_state_and_issuer(world, app):
    """AUT-16, BCP-07, BCP-08."""
    visit = world.visit(app, world.resident())
    visit.ask()
    visit.allow()
    assert visit.answer.status_code == 303
    assert set(visit.sent) == {"code", "state", "iss"}
    assert (visit.sent["state"], visit.sent["iss"]) == (visit.state, visit.root)
    assert len(visit.sent["code"]) >= 43


def test_a_query_of_the_address_is_kept(world):
    app = world.app(redirect_uris=["https://app.test/cb?tenant=1"])
    visit = world.visit(app, world.resident())
    visit.ask()
    visit.allow()
    assert visit.answer.headers["Location"].startswith("https://app.test/cb?tenant=1&code=")


NAMES = [
    "response_type", "client_id", "redirect_uri", "scope", "state", "aud", "code_challenge",
    "launch", "code_challenge_method", "nonce", "prompt", "max_age", "display", "login_hint",
    "resource", "response_mode", "request", "request_uri", "lang", "居民",
]  # fmt: skip
HOSTILE = ["居民\"'", "\\", "<script>", "\x00", "a" * 20_000, "%", "{$ne:1}", "🀄", "\r\n", "[]"]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_a_parameter_breaks_the_server(world, app, name):
    """AUT-02 to AUT-10, P24."""
    someone = world.enter(world.resident())
    for value in HOSTILE:
        for method in ("GET", "POST"):
            visit = world.visit(app, browser=someone)
            if method == "GET" and len(value) > 4000:
                continue
            visit.ask(method, **{name: value})
            assert visit.answer.status_code < 500
            assert "<script>" not in visit.answer.text
    raw = f"{world.root}/authorize?{urlencode(visit.parameters())}&{quote(name)}=%ff%c0"
    assert requests.get(raw, allow_redirects=False, timeout=TIMEOUT).status_code < 500
