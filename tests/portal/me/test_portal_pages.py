"""What all pages have in common: headers, languages, structure, and refusals."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.portal.me import world
from tests.portal.me.reader import HAN

RESIDENT = [
    "/me",
    "/me/visits",
    "/me/visits?kind=check-ups",
    "/me/visits/portal-visit-1",
    "/me/results",
    "/me/results?code=http://loinc.org|14771-0",
    "/me/conditions",
    "/me/allergies",
    "/me/medicines",
    "/me/immunizations",
    "/me/access",
    "/me/apps",
    "/me/copy",
    "/me/readings",
    "/me/readings?kind=pressure",
    "/me/persons",
    "/me/security",
]
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def is_dressed(page):
    headers = page.headers
    return (
        headers["Content-Security-Policy"] == POLICY
        and headers["X-Frame-Options"] == "DENY"
        and headers["X-Content-Type-Options"] == "nosniff"
        and headers["Referrer-Policy"] == "no-referrer"
        and headers["Cache-Control"] == "no-store"
        and headers["Cross-Origin-Opener-Policy"] == "same-origin"
    )


def assert_is_plain(page):
    """Assert that nothing on the page runs or is styled by itself, whatever the data says."""
    assert page.all("script") == []
    assert page.all("iframe") == []
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert "style" not in attributes, tag
        assert not str(attributes.get("href", "")).lower().startswith("javascript"), tag
    assert all(one["src"].startswith("/") for one in page.all("img"))


def assert_is_accessible(page):
    """Assert what can be told without eyes: landmarks, one title, names of fields and pictures."""
    for landmark in ("header", "nav", "main", "footer"):
        assert page.all(landmark), landmark
    assert len(page.all("h1")) == 1
    assert page.all("a", href="#content")
    ids = [found["id"] for _, found in page.elements if "id" in found]
    assert len(ids) == len(set(ids))
    labelled = {one["for"] for one in page.all("label") if "for" in one}
    for tag, found in page.elements:
        boxed = found.get("type") in ("hidden", "checkbox", "radio")
        if tag in ("input", "select", "textarea") and not boxed:
            assert found["id"] in labelled
        for name in ("aria-labelledby", "aria-describedby"):
            assert set(found.get(name, "").split()) <= set(ids), found
    for picture in page.all("svg"):
        assert picture["role"] == "img"
        assert picture["aria-labelledby"]


@pytest.mark.parametrize("path", RESIDENT)
def test_a_page_is_there_in_both_languages_and_runs_nothing(resident, path):
    for language, tag in (("zh", "zh-CN"), ("en", "en")):
        page = resident.get(path, language)
        assert page.status == 200, page.html
        assert page.all("html")[0]["lang"] == tag
        assert is_dressed(page)
        assert_is_plain(page)
        assert_is_accessible(page)
        assert page.open == []


@pytest.mark.parametrize("path", ["/emergency", "/launches"])
def test_the_pages_of_clinicians_are_dressed_alike(doctor, path):
    for language in ("zh", "en"):
        page = doctor.get(path, language)
        assert page.status == 200
        assert is_dressed(page)
        assert_is_plain(page)
        assert_is_accessible(page)


def test_the_pages_of_the_security_officer_are_dressed_alike(officer):
    for language in ("zh", "en"):
        page = officer.get("/review", language)
        assert page.status == 200
        assert is_dressed(page)
        assert_is_plain(page)
        assert_is_accessible(page)


@pytest.mark.parametrize("path", RESIDENT)
def test_who_is_not_signed_in_is_sent_to_sign_in(stranger, path):
    page = stranger.get(path)
    assert page.status in (302, 303)
    assert page.headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize("path", ["/me", "/me/access", "/me/copy", "/me/readings"])
def test_staff_have_no_record_of_their_own_here(doctor, path):
    assert doctor.get(path).status == 403


@pytest.mark.parametrize("path", ["/emergency", "/review"])
def test_residents_do_not_get_to_the_pages_of_staff(resident, path):
    assert resident.get(path).status == 403


def test_one_role_does_not_get_to_the_page_of_another(doctor, officer):
    assert doctor.get("/review").status == 403
    assert officer.get("/emergency").status == 403


@pytest.mark.parametrize("path", ["/me", "/me/visits", "/me/results", "/me/access", "/me/apps"])
def test_the_record_of_somebody_else_is_not_there(resident, path):
    for id in (world.OTHER, "nobody", "", "../portal-other", f"{world.OTHER},{world.OWN}"):
        page = resident.get(f"{path}?person={id}")
        assert page.status == 404
        assert "王乙丑" not in page.html


def test_the_language_chosen_is_kept(resident):
    assert resident.get("/me?lang=zh", "en").all("html")[0]["lang"] == "zh-CN"
    assert resident.get("/me", "en").all("html")[0]["lang"] == "zh-CN"


def test_the_other_language_is_one_link_away_from_the_same_page(resident):
    page = resident.get("/me/results?code=http://loinc.org|14771-0")
    (link,) = [one["href"] for one in page.all("a", hreflang="zh-CN")]
    there = resident.get(link)
    assert there.all("html")[0]["lang"] == "zh-CN"
    assert "空腹血糖" in there.text


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_refusal_is_a_page_that_says_no_more_than_it_must(stranger, language):
    page = stranger.get("/no/such/<b>page</b>", language)
    assert page.status == 404
    assert is_dressed(page)
    assert "<b>" not in page.html
    assert bool(HAN.search(page.all("h1") and page.text.split("Tongkang")[-1])) is (
        language == "zh"
    )


def test_a_method_that_a_page_does_not_have_is_refused_as_http_says(stranger):
    page = stranger.post("/", csrf=None)
    assert page.status == 405
    assert "GET" in page.headers["Allow"]


@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("resident", "/me/readings"),
        ("resident", "/me/copy"),
        ("resident", "/me/apps/limits"),
        ("resident", "/me/apps/some-grant/withdraw"),
        ("resident", "/me/access/some-event/complaint"),
        ("doctor", "/emergency"),
        ("officer", "/review/emergencies/some"),
        ("officer", "/review/complaints/some"),
    ],
)
@pytest.mark.parametrize("token", [None, "", "wrong", "another's"])
def test_no_form_is_taken_without_the_token_of_its_session(signed_in, who, path, token):
    browser = signed_in(who)
    if token == "another's":
        token = signed_in("other").csrf
    assert browser.post(path, {"kind": "weight", "form": "json"}, csrf=token).status == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": "null"}, 303),
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_a_form_comes_from_a_page_of_ours_which_browsers_call_null(resident, headers, status):
    form = {"kind": "weight", "weight": "60", "when": "2026-01-05T08:30"}
    token = resident.csrf
    resident.session.headers.update(headers)
    assert resident.post("/me/readings", form, csrf=token).status == status


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_form_that_is_too_large_is_refused_in_words(resident, language):
    form = {"kind": "weight", "weight": "60", "note": "x" * 70_000}
    page = resident.post("/me/readings", form, language=language)
    assert page.status == 413
    assert {"zh": "提交的内容太大", "en": "more than a form may send"}[language] in page.text


FORMS = [
    ("/me/readings?kind=weight", "/me/readings?kind=weight"),
    ("/me/persons/child", "/me/persons"),
    ("/me/persons/proxy", "/me/persons"),
    ("/me/security/password", "/me/security"),
    ("/me/apps/limits", "/me/apps"),
    ("/me/apps/some-grant/withdraw", "/me/apps/some-grant"),
    ("/me/access/some-event/complaint", "/me/access/some-event/complaint"),
    ("/review/complaints/some", "/review"),
    ("/admin/accounts/some/status", "/admin/accounts"),
    ("/guardians/some", "/guardians"),
    ("/launches/patient", "/launches"),
]


@pytest.mark.parametrize(("path", "shown"), FORMS)
def test_whose_session_is_over_comes_back_to_the_page_of_the_form(stranger, path, shown):
    page = stranger.post(path, {"csrf": "of a session that is over"}, csrf=None)
    assert page.status == 303
    location = urlsplit(page.headers["Location"])
    assert location.path == "/sign-in"
    assert dict(parse_qsl(location.query))["next"] == shown


@pytest.mark.parametrize(("path", "shown"), FORMS[:4])
def test_a_form_with_faults_has_its_page_in_the_other_language(resident, path, shown):
    page = resident.post(path)
    assert page.status == 422
    (link,) = [one["href"] for one in page.all("a", hreflang="zh-CN")]
    assert link.startswith(shown)
    there = resident.get(link)
    assert there.status == 200
    assert there.all("html")[0]["lang"] == "zh-CN"


def test_the_other_language_is_about_the_same_person(resident):
    page = resident.post(f"/me/readings?kind=weight&person={world.CHILD}", {"weight": "much"})
    (link,) = [one["href"] for one in page.all("a", hreflang="zh-CN")]
    assert resident.get(link).all("a", **{"aria-current": "true"})[1]["href"].endswith("child")


@pytest.mark.parametrize("path", ["//evil.example/", "/%5Cevil.example/", "/%2F%2Fevil.example"])
def test_no_link_of_a_refusal_leads_elsewhere(stranger, path):
    page = stranger.get(path)
    assert page.status == 404
    for link in page.all("a", hreflang="zh-CN"):
        assert not re.match(r"[/\\\\]{2}|[^/]", link["href"])
