"""People, apps and whole authorisations for tests: everything over HTTP but the setting up.

    world = World(services, root)            # or the fixture `world`
    app = world.app(scope="openid patient/*.rs")       # a registered and approved app: App
    someone = world.resident()                         # an account with a record of its own: Person
    doctor = world.staff(role="clinician", division="350602", organization=None)
    child = world.child_of(someone)                    # "Patient/…", of whom someone is guardian
    tokens = world.tokens(app, someone)                # the whole flow: what /token answers
    tokens = world.tokens(app, someone, scope="patient/Observation.rs", ticks=("results.see",),
                          sensitive=("mental",), patient="Patient/…")

    visit = world.visit(app, someone)                  # step by step: a signed-in browser
    visit.ask(scope=…, **parameters)                   # GET /authorize, on to the consent page
    visit.ticks, visit.persons                         # what is offered: {name: is ticked}, [ids]
    answer = visit.allow(ticks=None, patient=None)     # {"code": …, "state": …, "iss": …}
    answer = visit.deny()
    response = visit.redeem(answer["code"])            # POST /token: requests.Response
    response = app.refresh(token, scope=None)          # POST /token: requests.Response

`parameters` replace those of a good request; None leaves one out. Each `visit` is a browser with a
session and an address of its own, so that no throttle is shared; `world.sign_in(person)` uses the
pages for it instead.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import orjson
import pyotp
import requests

from server.access.caller import Caller, Party
from server.access.policy import OPEN
from server.auth import shelves
from server.context import Context
from server.identity import accounts
from server.identity import shelves as identity
from server.identity.sessions import Sessions
from server.interactions.call import Call
from server.interactions.door import perform
from tests import builders

PASSWORD = "correct horse battery 9"
REDIRECT = "https://app.test/callback"
SCOPE = "openid fhirUser launch/patient offline_access patient/*.rs"
MOST = (
    "openid fhirUser profile launch launch/patient launch/encounter offline_access online_access "
    "patient/*.cruds user/*.cruds"
)
TIMEOUT = 20
OFFICER = Caller(kind="staff", account="an officer", person=Party(None, "王丁卯"))
"""A member of staff who decides something, for tests that need nobody who can sign in."""


def pkce():
    """Return a new (verifier, challenge)."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def query(location):
    """Return the parameters of the address that a browser was sent to."""
    return dict(parse_qsl(urlsplit(location).query, keep_blank_values=True))


@dataclass
class Person:
    """An account, and what its person signs in with. `patient` is a resident's own record."""

    account: dict
    login: str
    patient: str | None = None
    secret: str | None = None

    @property
    def id(self):
        return self.account["id"]


@dataclass
class App:
    """A registered client; `secret` of a confidential one."""

    root: str
    id: str
    secret: str | None = None
    redirect_uri: str = REDIRECT

    def post(self, path="/token", **form):
        """Send a form to the authorization server as this client."""
        given = {name: value for name, value in form.items() if value is not None}
        auth = None
        if self.secret:
            auth = (self.id, self.secret)
        else:
            given.setdefault("client_id", self.id)
        return requests.post(f"{self.root}{path}", data=given, auth=auth, timeout=TIMEOUT)

    def redeem(self, code, verifier, **form):
        """Redeem a code."""
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": verifier,
            **form,
        }
        return self.post(**given)

    def refresh(self, token, scope=None, **form):
        """Use a refresh token."""
        return self.post(grant_type="refresh_token", refresh_token=token, scope=scope, **form)


class Page(HTMLParser):
    """What a consent page offers."""

    def __init__(self, text):
        super().__init__()
        self.ticks, self.persons, self.hidden, self.action, self.links = {}, [], {}, None, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        if tag == "form" and (named.get("action") or "").startswith("/consent/"):
            self.action = named["action"]
        elif tag == "a" and "button" in (named.get("class") or ""):
            self.links.append(named["href"])
        elif tag == "input" and named.get("type") == "checkbox" and named.get("name") == "tick":
            self.ticks[named["value"]] = "checked" in named
        elif tag == "input" and named.get("type") == "radio":
            self.persons.append(named["value"])
        elif tag == "input" and named.get("type") == "hidden":
            self.hidden[named["name"]] = named["value"]


@dataclass
class Visit:
    """A browser of somebody who is asked for authorisation by `app`."""

    root: str
    app: App
    browser: requests.Session
    answer: requests.Response | None = None
    verifier: str = ""
    page: Page | None = None
    state: str = ""
    sent: dict = field(default_factory=dict)

    def parameters(self, **changed):
        """Return the parameters of a good request, some changed."""
        self.verifier, challenge = pkce()
        self.state = secrets.token_urlsafe(12)
        given = {
            "response_type": "code",
            "client_id": self.app.id,
            "redirect_uri": self.app.redirect_uri,
            "scope": SCOPE,
            "state": self.state,
            "aud": f"{self.root}/fhir",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **changed,
        }
        return {name: value for name, value in given.items() if value is not None}

    def ask(self, method="GET", **changed):
        """Come to /authorize; return the answer in the end, which may be the app's redirection."""
        given = self.parameters(**changed)
        where = {"params": given} if method == "GET" else {"data": given}
        url = f"{self.root}/authorize"
        first = self.browser.request(method, url, allow_redirects=False, timeout=TIMEOUT, **where)
        return self.follow(first)

    def follow(self, answer):
        """Follow redirections within the server; keep the page, or what the app is sent."""
        while answer.is_redirect and self._is_ours(answer.headers["Location"]):
            where = answer.headers["Location"]
            url = where if where.startswith("http") else f"{self.root}{where}"
            answer = self.browser.get(url, allow_redirects=False, timeout=TIMEOUT)
        self.answer, self.page, self.sent = answer, None, {}
        if answer.is_redirect:
            self.sent = query(answer.headers["Location"])
        elif "text/html" in answer.headers.get("Content-Type", ""):
            self.page = Page(answer.text)
            if self.page.action is None and self.page.links:
                self.sent = query(self.page.links[0])
        return answer

    def _is_ours(self, location):
        return location.startswith(("/", self.root))

    @property
    def ticks(self):
        return self.page.ticks

    @property
    def persons(self):
        return self.page.persons

    def decide(self, decision, ticks=None, patient=None, **fields):
        """Send the form of the consent page; return the answer."""
        if ticks is None:
            ticks = [name for name, is_ticked in self.ticks.items() if is_ticked]
        if patient is None and self.persons:
            patient = self.persons[0]
        form = {**self.page.hidden, "decision": decision, "tick": list(ticks), **fields}
        if patient is not None:
            form["patient"] = patient.removeprefix("Patient/")
        form = {name: value for name, value in form.items() if value is not None}
        url = f"{self.root}{self.page.action}"
        return self.follow(
            self.browser.post(url, data=form, allow_redirects=False, timeout=TIMEOUT)
        )

    def allow(self, ticks=None, patient=None, **fields):
        """Allow what is ticked, as the page has it or as told; return what the app gets."""
        self.decide("allow", ticks, patient, **fields)
        return self.sent

    def deny(self):
        """Refuse; return what the app gets."""
        self.decide("deny")
        return self.sent

    def redeem(self, code, **form):
        """Redeem a code of this visit."""
        return self.app.redeem(code, form.pop("code_verifier", self.verifier), **form)


class World:
    """Sets up what a test is about, on the database of `services` behind the server at `root`."""

    def __init__(self, services, root):
        self.services, self.root = services, root

    def app(self, secret=None, **details):
        """Register and approve an app."""
        id = builders.fresh()
        record = {
            "name": "试用应用",
            "kind": "app",
            "status": "approved",
            "created": datetime.now(UTC),
            "redirect_uris": [REDIRECT],
            "grant_types": ["authorization_code", "refresh_token"],
            "auth_method": "client_secret_basic" if secret else "none",
            "scope": MOST,
            "purpose": {"zh": "帮助您管理慢性病", "en": "Help you with a chronic illness"},
            "legal_name": "漳州试用科技有限公司",
            "contacts": ["privacy@app.test"],
            **details,
        }
        if secret:
            record["secret"] = accounts.passwords.hashed(secret)
        self.services.store.shelf(shelves.CLIENTS).add(id, record)
        return App(self.root, id, secret, record["redirect_uris"][0])

    def store(self, resource):
        """Store a resource as if nobody had to be asked; return its reference."""
        body = orjson.dumps(resource)
        call = Call(interaction="create", type=resource["resourceType"], body=body)
        result = perform(Context.of(self.services, OPEN, "zh"), call)
        return f"{resource['resourceType']}/{orjson.loads(result.body)['id']}"

    def resident(self, patient=None, name="陈甲子"):
        """Register a resident, with a record of their own unless `patient` is given."""
        number = f"350600{secrets.randbelow(10**11):011d}X"
        patient = patient or self.store(
            builders.patient(identifier=[{"system": builders.ID_CARD, "value": number}])
        )
        account = accounts.add_bound(self.services, accounts.resident_login(number), name, patient)
        accounts.set_password(self.services, account, PASSWORD)
        return Person(account, number, patient)

    def staff(self, role="clinician", division="350602", **details):
        """Register a member of staff, who has a Practitioner and no second factor yet."""
        login = builders.fresh()
        person = details.pop("person", None) or self.store(
            {"resourceType": "Practitioner", "name": [{"text": "李乙丑"}]}
        )
        given = {"name": "李乙丑", "role": role, "division": division, "person": person, **details}
        account = accounts.add_staff(self.services, login, given)
        accounts.set_password(self.services, account, PASSWORD)
        return Person(account, login)

    def child_of(self, guardian, born="2020-05-04", relation="guardian", **bond):
        """Store a child's record that `guardian` may act for; return its reference."""
        child = self.store(builders.patient(birthDate=born))
        record = {
            "account": guardian.id,
            "patient": child,
            "relation": relation,
            "born": born,
            "expires_at": datetime(2100, 1, 1, tzinfo=UTC),
            **bond,
        }
        self.services.store.shelf(identity.BONDS).add(builders.fresh(), record)
        return child

    def browser(self):
        """Return a browser that has not been here before, at an address of its own."""
        opened = requests.Session()
        opened.headers["Accept-Language"] = "zh"
        opened.headers["X-Forwarded-For"] = ".".join(
            str(1 + secrets.randbelow(250)) for _ in range(4)
        )
        return opened

    def sign_in(self, person, browser=None, onwards=""):
        """Sign `person` in by the pages for it; return the browser."""
        browser = browser or self.browser()
        shown = browser.get(
            f"{self.root}/sign-in", params={"next": onwards} if onwards else None, timeout=TIMEOUT
        )
        form = {
            **Page(shown.text).hidden,
            "login": person.login,
            "password": PASSWORD,
        }
        url = f"{self.root}/sign-in"
        entered = browser.post(url, data=form, allow_redirects=False, timeout=TIMEOUT)
        assert entered.status_code == 303, entered.text
        where = f"{self.root}{entered.headers['Location']}"
        if "/second-factor" in where:
            hidden = Page(browser.get(where, timeout=TIMEOUT).text).hidden
            person.secret = hidden.get("secret") or person.secret
            form = {**hidden, "code": pyotp.TOTP(person.secret).now()}
            proved = browser.post(f"{self.root}/second-factor", data=form, timeout=TIMEOUT)
            assert proved.status_code == 200, proved.text
        return browser

    def enter(self, person):
        """Return a browser of `person`, whose session was begun without the pages."""
        browser = self.browser()
        factors = ("pwd",) if person.account["kind"] == "resident" else ("pwd", "otp")
        cookie = Sessions(self.services).begin(person.account, factors)
        browser.cookies.set("tongkang-session", cookie, domain="127.0.0.1", path="/")
        return browser

    def visit(self, app, person=None, browser=None):
        """Return a visit of `app` in a browser of `person`, or of nobody who is signed in."""
        if browser is None:
            browser = self.enter(person) if person else self.browser()
        return Visit(self.root, app, browser)

    def code(self, app, person, ticks=None, sensitive=(), patient=None, **parameters):
        """Go through consent; return the visit, which holds the code that the app was sent."""
        visit = self.visit(app, person)
        visit.ask(**parameters)
        if "code" not in visit.sent:
            assert getattr(visit.page, "action", None), visit.answer.text
            if ticks is None:
                ticks = [name for name, is_ticked in visit.ticks.items() if is_ticked]
            chosen = [*ticks, *(f"sensitive.{one}" for one in sensitive)]
            visit.allow(chosen, patient)
            assert "code" in visit.sent, (visit.answer.status_code, visit.answer.text, visit.sent)
        return visit

    def tokens(self, app, person, **given):
        """Go through the whole flow, see `code`; return what the token endpoint answers."""
        visit = self.code(app, person, **given)
        redeemed = visit.redeem(visit.sent["code"])
        assert redeemed.status_code == 200, redeemed.text
        return redeemed.json()

    def read(self, path, token):
        """Ask the FHIR endpoint for `path` with a token."""
        headers = {"Authorization": f"Bearer {token}"}
        return requests.get(f"{self.root}/fhir/{path}", headers=headers, timeout=TIMEOUT)

    def grant(self, app, person):
        """Return the newest authorisation of `app` by `person`, as it is kept."""
        where = {"client": app.id, "account": person.id}
        return self.services.store.shelf(shelves.GRANTS).all(where, newest="created")[0]
