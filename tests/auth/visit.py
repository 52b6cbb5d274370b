"""A browser that is asked for authorisation by an app, step by step; see `world`."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import requests

REDIRECT = "https://app.test/callback"
SCOPE = "openid fhirUser launch/patient offline_access patient/*.rs"
TIMEOUT = 20


def pkce():
    """Return a new (verifier, challenge)."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def query(location):
    """Return the parameters of the address that a browser was sent to."""
    return dict(parse_qsl(urlsplit(location).query, keep_blank_values=True))


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
