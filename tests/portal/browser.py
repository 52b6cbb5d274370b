"""A browser without JavaScript: it keeps cookies, reads forms and sends them back."""

import re
from html.parser import HTMLParser

import requests


class _Forms(HTMLParser):
    """The forms of a page: {action: {field: value}}."""

    def __init__(self, text):
        super().__init__()
        self.forms, self._fields, self._area, self._select = {}, None, None, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        if tag == "form":
            self._fields = self.forms.setdefault(named.get("action", ""), {})
        elif self._fields is None:
            pass
        elif (
            tag == "input" and named.get("type") in ("checkbox", "radio") and "checked" not in named
        ):
            pass  # a browser sends only what is ticked
        elif tag == "input" and named.get("name"):
            self._fill(named["name"], named.get("value") or "")
        elif tag == "textarea":
            self._area = named["name"]
            self._fields[self._area] = ""
        elif tag == "select":
            self._select = named["name"]
        elif tag == "option" and (self._select not in self._fields or "selected" in named):
            self._fields[self._select] = named.get("value") or ""

    def _fill(self, name, value):
        known = self._fields.get(name)
        several = [] if known is None else known if isinstance(known, list) else [known]
        self._fields[name] = [*several, value] if several else value

    def handle_data(self, data):
        if self._area is not None:
            self._fields[self._area] += data

    def handle_endtag(self, tag):
        if tag == "form":
            self._fields = None
        elif tag == "textarea":
            self._area = None


class Browser:
    """One browser on the pages at `root`."""

    def __init__(self, root, language="en"):
        self.root = root
        self.session = requests.Session()
        self.session.headers["Accept-Language"] = language
        self.answer = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.session.close()

    def open(self, path, follow=True, **headers):
        """Ask for a page and return the answer."""
        url = path if path.startswith("http") else f"{self.root}{path}"
        self.answer = self.session.get(url, allow_redirects=follow, headers=headers, timeout=20)
        return self.answer

    def forms(self):
        return _Forms(self.answer.text).forms

    def submit(self, action, follow=True, headers=None, **fields):
        """Send the form of this page that leads to `action`, with `fields` filled in."""
        form = {**self.forms()[action], **fields}
        return self.post(action, form, follow, headers)

    def post(self, action, form, follow=True, headers=None):
        self.answer = self.session.post(
            f"{self.root}{action}",
            data=form,
            allow_redirects=follow,
            headers=headers or {},
            timeout=20,
        )
        return self.answer

    def text(self):
        """Return what a reader sees, white space put together."""
        seen = re.sub(r"<(style|script)\b.*?</\1>|<[^>]+>", " ", self.answer.text, flags=re.DOTALL)
        return " ".join(seen.split())

    def sign_in(self, login, password, onwards=None):
        """Sign in with a password; return the answer."""
        self.open("/sign-in" + (f"?next={onwards}" if onwards else ""))
        return self.submit("/sign-in", login=login, password=password)
