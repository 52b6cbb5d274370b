"""AUT-13, AUT-14, AUT-18, AUT-19, AUT-22, AUT-24: the page, whose it is, and who may answer it."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from server.auth import shelves
from tests.auth.visit import TIMEOUT, query


@pytest.fixture(scope="module")
def app(world):
    return world.app(name='<b>糖友</b> "App"')


@pytest.fixture
def visit(world, app, someone):
    visit = world.visit(app, someone)
    visit.ask(prompt="consent")
    return visit


def form(visit, **changed):
    ticks = [name for name, is_ticked in visit.ticks.items() if is_ticked]
    given = {**visit.page.hidden, "decision": "allow", "tick": ticks, "patient": visit.persons[0]}
    return {name: value for name, value in {**given, **changed}.items() if value is not None}


def send(visit, browser=None, headers=None, **changed):
    url = f"{visit.root}{visit.page.action}"
    return (browser or visit.browser).post(
        url, data=form(visit, **changed), headers=headers, allow_redirects=False, timeout=TIMEOUT
    )


def test_the_page_says_who_wants_what_why_and_how_long(visit):
    """AUT-19, AUT-22; Personal Information Protection Law article 17."""
    text = visit.answer.text
    for said in (
        "漳州试用科技有限公司",
        "privacy@app.test",
        "帮助您管理慢性病",
        "180 天",
        "随时",
        "撤回",
        "现在和将来的所有种类",
        "在您不使用该应用时也可以继续访问",
        "艾滋病",
    ):
        assert said in text
    assert "&lt;b&gt;糖友" in text
    assert "<b>糖友" not in text


def test_the_page_is_in_english_for_who_reads_it(world, app, someone):
    browser = world.enter(someone)
    browser.headers["Accept-Language"] = "en"
    visit = world.visit(app, browser=browser)
    visit.ask(prompt="consent")
    assert "asks for your authorisation" in visit.answer.text
    assert "all types, now and in future" in visit.answer.text


def test_the_page_cannot_be_framed_kept_or_scripted(visit):
    """AUT-19, BCP-13."""
    headers = visit.answer.headers
    policy = headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "form-action 'self' https://app.test;" in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "<script" not in visit.answer.text


def test_no_picture_of_the_app_is_fetched(world, someone):
    """AUT-19."""
    visit = world.visit(world.app(logo_uri="https://app.test/logo.png"), someone)
    visit.ask()
    assert "logo.png" not in visit.answer.text


@pytest.mark.parametrize("csrf", [None, "", "wrong", "居民"])
def test_a_forged_form_is_refused(visit, csrf):
    """AUT-18."""
    assert send(visit, csrf=csrf).status_code == 403
    assert "code" in visit.allow()


def test_the_token_of_another_session_is_refused(world, app, someone, visit):
    """AUT-18."""
    other = world.visit(app, someone)
    other.ask(prompt="consent")
    assert send(visit, csrf=other.page.hidden["csrf"]).status_code == 403


def test_another_site_cannot_send_the_form(visit):
    """AUT-18."""
    assert send(visit, headers={"Origin": "https://evil.test"}).status_code == 403
    assert send(visit, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_a_form_is_answered_once(world, app, someone, visit):
    """AUT-18, AUT-24: the back button mints no second code."""
    before = world.services.store.shelf(shelves.CODES).count({"account": someone.id})
    assert send(visit).status_code == 303
    for _ in range(2):
        again = send(visit)
        assert again.status_code == 403
        assert "Location" not in again.headers
    url = f"{visit.root}{visit.page.action}"
    assert visit.browser.get(url, timeout=TIMEOUT).status_code == 403
    assert world.services.store.shelf(shelves.CODES).count({"account": someone.id}) == before + 1


def test_of_eight_answers_at_once_one_counts(world, someone):
    """AUT-18, AUT-24."""
    app = world.app()
    visit = world.visit(app, someone)
    visit.ask()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: send(visit), range(8)))
    assert sorted(answer.status_code for answer in answers) == [303, *[403] * 7]
    assert world.services.store.shelf(shelves.GRANTS).count({"client": app.id}) == 1
    assert world.services.store.shelf(shelves.CODES).count({"client": app.id}) == 1


def test_a_request_belongs_to_one_browser(world, app, someone, visit):
    """AUT-18, AUT-24."""
    stranger = world.enter(world.resident())
    url = f"{visit.root}{visit.page.action}"
    assert stranger.get(url, timeout=TIMEOUT).status_code == 403
    mine = world.visit(app, browser=stranger)
    mine.ask(prompt="consent")
    assert send(visit, browser=stranger, csrf=mine.page.hidden["csrf"]).status_code == 403


def test_two_tabs_do_not_mix(world, app, someone):
    """AUT-24."""
    browser = world.enter(someone)
    other = world.app(redirect_uris=["https://other.test/cb"])
    one, two = world.visit(app, browser=browser), world.visit(other, browser=browser)
    one.ask(scope="patient/Observation.rs", prompt="consent")
    two.ask(scope="patient/Condition.rs")
    one.allow()
    two.allow()
    assert one.answer.headers["Location"].startswith("https://app.test/")
    assert two.answer.headers["Location"].startswith("https://other.test/")
    assert one.redeem(one.sent["code"]).json()["scope"] == "patient/Observation.rs"
    assert two.redeem(two.sent["code"]).json()["scope"] == "patient/Condition.rs"


@pytest.mark.parametrize("decision", [None, "", "yes", "居民"])
def test_a_form_without_a_decision_decides_nothing(visit, decision):
    assert send(visit, decision=decision).status_code == 400
    assert "code" in visit.allow()


@pytest.mark.parametrize("id", ["nothing", "%00", "居民", "a" * 3000, "'"])
def test_an_unknown_request_is_refused(world, someone, id):
    answer = world.enter(someone).get(f"{world.root}/consent/{id}", timeout=TIMEOUT)
    assert answer.status_code in (403, 404)


def test_nobody_who_is_not_signed_in_sees_the_page(world, app):
    """AUT-23."""
    someone = world.resident()
    visit = world.visit(app)
    visit.ask()
    assert "/sign-in?next=/consent/" in visit.answer.url
    url = visit.answer.url.partition("next=")[2]
    world.sign_in(someone, visit.browser, url)
    first = visit.browser.get(f"{world.root}{url}", allow_redirects=False, timeout=TIMEOUT)
    visit.follow(first)
    assert visit.page.action == url
    assert "code" in visit.allow()


def test_who_signed_in_just_now_goes_back_by_a_page(world, app, someone):
    """A form leads nowhere else than to this server, also by redirection."""
    world.tokens(app, someone)
    visit = world.visit(app)
    visit.ask()
    url = visit.answer.url.partition("next=")[2]
    world.sign_in(someone, visit.browser, url)
    visit.follow(visit.browser.get(f"{world.root}{url}", allow_redirects=False, timeout=TIMEOUT))
    assert visit.answer.status_code == 200
    assert "code" in visit.sent
    assert 'http-equiv="refresh"' in visit.answer.text


def test_quietly_nobody_is_signed_in(world, app):
    """AUT-13."""
    visit = world.visit(app)
    visit.ask(prompt="none")
    assert visit.sent["error"] == "login_required"
    assert (visit.sent["state"], visit.sent["iss"]) == (visit.state, world.root)


def test_quietly_nobody_agrees(world, app):
    """AUT-13."""
    someone = world.resident()
    visit = world.visit(app, someone)
    visit.ask(prompt="none")
    assert visit.sent["error"] == "consent_required"
    world.tokens(app, someone)
    visit = world.visit(app, someone)
    visit.ask(prompt="none")
    assert "code" in visit.sent


def test_a_client_can_have_people_sign_in_again(world, app, someone):
    """AUT-14."""
    world.tokens(app, someone)
    visit = world.visit(app, someone)
    visit.ask(prompt="login")
    assert "/sign-in" in visit.answer.url
    url = visit.answer.url.partition("next=")[2]
    other = world.visit(app, browser=visit.browser)
    other.ask()
    assert "code" in other.sent, "no app can sign people out by asking"
    world.sign_in(someone, visit.browser, url)
    visit.follow(visit.browser.get(f"{world.root}{url}", allow_redirects=False, timeout=TIMEOUT))
    assert "code" in visit.sent


def test_who_signed_in_long_ago_signs_in_again(world, app, someone):
    """AUT-14."""
    world.tokens(app, someone)
    visit = world.visit(app, someone)
    visit.ask(max_age="1000")
    assert "code" in visit.sent
    visit = world.visit(app, someone)
    time.sleep(1.1)
    visit.ask(max_age="1")
    assert "/sign-in" in visit.answer.url
    visit = world.visit(app, someone)
    time.sleep(1.1)
    visit.ask(max_age="1", prompt="none")
    assert visit.sent["error"] == "login_required"


def test_a_client_that_was_suspended_meanwhile_gets_nothing(world, someone):
    app = world.app()
    visit = world.visit(app, someone)
    visit.ask()
    world.services.store.shelf(shelves.CLIENTS).change(app.id, {"status": "suspended"})
    assert send(visit).status_code == 403


def test_a_location_is_not_split(visit):
    """AUT-06."""
    visit.allow()
    assert "\n" not in visit.answer.headers["Location"]
    assert set(query(visit.answer.headers["Location"])) == {"code", "state", "iss"}


def test_a_form_of_another_site_leaves_other_tabs_alone(world, app, someone, visit):
    """AUT-01, AUT-24: a browser sends no cookies with it, and is known again on the next page."""
    other = world.visit(app, browser=visit.browser)
    given = other.parameters(prompt="consent")
    url = f"{world.root}/authorize"
    sent = requests.post(url, data=given, allow_redirects=False, timeout=TIMEOUT)
    assert "Set-Cookie" not in sent.headers
    where = f"{world.root}{sent.headers['Location']}"
    other.follow(other.browser.get(where, allow_redirects=False, timeout=TIMEOUT))
    assert world.enter(someone).get(where, timeout=TIMEOUT).status_code == 403
    assert other.redeem(other.allow()["code"]).status_code == 200
    assert visit.redeem(visit.allow()["code"]).status_code == 200


@pytest.mark.parametrize("name", ["tick", "patient", "number", "decision", "csrf", "居民"])
def test_nothing_in_a_field_breaks_the_page(visit, name):
    """AUT-18."""
    for decision in ("allow", "find"):
        for value in ("居民\"'", "\\", "\x00", "a" * 5000, "%", "{$ne:1}", "🀄", "\r\n"):
            given = {"tick": [], "decision": decision, name: value}
            answer = send(visit, **given)
            assert answer.status_code < 500, (name, value)
            assert "code=" not in answer.headers.get("Location", "")
    raw = f"csrf={visit.page.hidden['csrf']}&decision=allow&{name}=%ff%c0&tick=%ff"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    url = f"{visit.root}{visit.page.action}"
    answer = visit.browser.post(url, raw, headers=headers, allow_redirects=False, timeout=TIMEOUT)
    assert answer.status_code < 500
