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

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
import pyotp
import requests

from server.access.caller import Caller, Party
from server.access.policy import OPEN
from server.auth import shelves
from server.context import Context
from server.door import perform
from server.identity import accounts
from server.identity import shelves as identity
from server.identity.sessions import Sessions
from server.interactions.call import Call
from tests import builders
from tests.auth.visit import REDIRECT, TIMEOUT, App, Page, Visit

PASSWORD = "correct horse battery 9"
MOST = (
    "openid fhirUser profile launch launch/patient launch/encounter offline_access online_access "
    "patient/*.cruds user/*.cruds"
)
OFFICER = Caller(kind="staff", account="an officer", person=Party(None, "王丁卯"))
"""A member of staff who decides something, for tests that need nobody who can sign in."""


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
