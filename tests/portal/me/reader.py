"""A browser without JavaScript, and what the tests say about the pages it gets."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import requests

VOID = {"meta", "link", "input", "br", "img"}
HAN = re.compile("[一-鿿]")


class Page(HTMLParser):
    """One answer, its elements and its visible text."""

    def __init__(self, response):
        super().__init__()
        self.response = response
        self.status = response.status_code
        self.headers = response.headers
        self.html = response.text
        self.elements, self.said, self.open = [], [], []
        if "html" in response.headers.get("Content-Type", ""):
            self.feed(response.text)
            self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        self.said.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.said))

    def all(self, tag, **attributes):
        return [
            found
            for name, found in self.elements
            if name == tag and all(found.get(key) == attributes[key] for key in attributes)
        ]

    @property
    def csrf(self):
        return self.all("input", name="csrf")[0]["value"]

    def links(self, part):
        return [one["href"] for one in self.all("a") if part in one.get("href", "")]

    def fault_at(self, name):
        """Return what is said to be wrong with the field `name`, and tied to it."""
        (fields,) = [
            [found for tag, found in self.elements if found.get("name") == name and tag != "meta"]
        ]
        assert fields[0].get("aria-invalid") == "true"
        described = fields[0]["aria-describedby"].split()
        error = next(one for one in described if one.endswith("-error"))
        return re.search(rf'id="{error}">([^<]*)<', self.html)[1]


@dataclass
class Reader:
    """Somebody at the portal at `root`; `cookie` is that of their session, None if none."""

    root: str
    cookie: str | None = None
    language: str = "en"
    home: str = "/me"
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self):
        if self.cookie:
            self.session.cookies.set("tongkang-session", self.cookie)

    def get(self, path, language=None):
        return Page(
            self.session.get(
                self.root + path,
                headers={"Accept-Language": language or self.language},
                timeout=30,
                allow_redirects=False,
            )
        )

    def post(self, path, fields=None, csrf="right", language=None):
        """Send a form; with the right token unless another, or None, is given."""
        sent = dict(fields or {})
        if csrf is not None:
            sent["csrf"] = self.csrf if csrf == "right" else csrf
        return Page(
            self.session.post(
                self.root + path,
                data=sent,
                headers={"Accept-Language": language or self.language},
                timeout=60,
                allow_redirects=False,
            )
        )

    @property
    def csrf(self):
        return self.get(self.home).csrf
