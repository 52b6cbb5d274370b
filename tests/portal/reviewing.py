"""What tests about clients share: registering by the form, deciding."""

import re
from html import unescape

from server.auth import shelves

UNIT = "Organization/demo-hospital-350602"


def register(browser, **fields):
    """Register an app by the form; return the answer."""
    browser.open("/developer/register")
    given = {
        "kind": "app",
        "client_name": "血压助手",
        "redirect_uris": "https://app.test/callback",
        "scope": "launch/patient patient/*.rs",
        **fields,
    }
    return browser.submit("/developer/register", **given)


def told(answer):
    """Return what the page after registering tells, by name."""
    found = re.findall(r"<dt>(\w+)</dt><dd><code>([^<]+)", answer.text)
    return {name: unescape(value) for name, value in found}


def registered(browser, **fields):
    """Register an app by the form; return its id."""
    return told(register(browser, **fields))["client_id"]


def decide(browser, id, verdict, **fields):
    """Decide of a client on its page; return the answer. None leaves a field out."""
    browser.open(f"/admin/clients/{id}")
    form = {**browser.forms()[f"/admin/clients/{id}"], "note": "材料齐全", **fields}
    form = {name: value for name, value in form.items() if value is not None}
    return browser.post(f"/admin/clients/{id}", {**form, "verdict": verdict})


def record(services, id):
    """Return the record of a client."""
    return services.store.shelf(shelves.CLIENTS).find(id)


def blocks(text):
    """Return the pieces of code on a page, by kind."""
    found = re.findall(r'<pre[^>]*data-kind="([\w-]+)"><code>(.*?)</code></pre>', text, re.DOTALL)
    return {kind: unescape(code) for kind, code in found}
