"""Apps and systems: registered on a page, reviewed by an administrator, shown to developers."""

import json
import re
from datetime import UTC, datetime
from html import unescape

import pytest
import requests

from server.auth import shelves
from server.auth.development import Wanted, token
from tests.auth.conftest import keys
from tests.builders import fresh
from tests.portal.browser import Browser
from tests.portal.reviewing import decide, register, registered

__all__ = ["keys"]
pytestmark = pytest.mark.usefixtures("forgiving")


def status(services, id):
    return services.store.shelf(shelves.CLIENTS).find(id)["status"]


def test_a_forged_decision_does_nothing(administrator, browser, services):
    id = registered(browser)
    form = {"csrf": "x", "verdict": "approved", "note": "n", "scope": "patient/*.rs"}
    assert administrator.post(f"/admin/clients/{id}", form).status_code == 403
    assert status(services, id) == "pending"


def test_a_system_that_is_new_sees_no_more_than_its_own_unless_told(administrator, services, keys):
    """R1.8b: whoever approves a system has to say more to let it see more."""
    public = {"keys": [key.as_dict(private=False) for key in keys.values()]}
    with Browser(administrator.root) as opened:
        id = registered(
            opened, kind="backend", redirect_uris="", scope="system/*.rs", jwks=json.dumps(public)
        )
    assert decide(administrator, id, "approved", scope="system/*.rs").status_code == 422
    given = {"scope": "system/*.rs", "division": "350602", "purpose_of_use": "PUBHLTH"}
    assert decide(administrator, id, "approved", **given).status_code == 200
    kept = services.store.shelf(shelves.CLIENTS).find(id)
    assert kept["region"] == {"divisions": ["350602"], "organizations": []}
    assert kept["purpose_of_use"] == "PUBHLTH"


def test_what_changed_since_it_was_looked_at_is_not_approved(administrator, browser, services):
    id = registered(browser)
    administrator.open(f"/admin/clients/{id}")
    form = {**administrator.forms()[f"/admin/clients/{id}"], "note": "好", "scope": "patient/*.rs"}
    form["verdict"] = "approved"
    services.store.shelf(shelves.CLIENTS).change(id, {"revision": "another"})
    assert administrator.post(f"/admin/clients/{id}", form).status_code == 409
    assert status(services, id) == "pending"


def test_new_keys_are_shown_until_they_are_approved(administrator, services, keys):
    old, new = ({"keys": [keys[one].as_dict(private=False)]} for one in ("ES384", "RS384"))
    with Browser(administrator.root) as opened:
        text = register(
            opened, kind="backend", redirect_uris="", scope="system/*.rs", jwks=json.dumps(old)
        ).text
    url = re.search(r"registration_client_uri</dt><dd><code>(.*?)</code>", text)[1]
    secret = re.search(r"registration_access_token</dt><dd><code>(.*?)</code>", text)[1]
    id = url.rpartition("/")[2]
    decide(administrator, id, "approved", scope="system/*.rs", limited=None)
    bearer = {"Authorization": f"Bearer {secret}"}
    known = requests.get(url, headers=bearer, timeout=20).json()
    both = {"keys": [*old["keys"], *new["keys"]]}
    answer = requests.put(url, headers=bearer, json={**known, "jwks": both}, timeout=20)
    assert answer.status_code == 200, answer.text
    assert status(services, id) == "approved"
    assert "rsa (RSA)" in administrator.open(f"/admin/clients/{id}").text
    assert "New keys" in administrator.text()
    listed = administrator.open("/admin/clients").text
    assert listed.count(f"/admin/clients/{id}") == 2
    decide(administrator, id, "approved", scope="system/*.rs", limited=None)
    assert services.store.shelf(shelves.CLIENTS).find(id)["jwks"] == both
    assert administrator.open("/admin/clients").text.count(f"/admin/clients/{id}") == 1


def test_dcr_15_a_name_that_is_taken_is_pointed_out(administrator, browser):
    name = f"健康助手{fresh()}"
    first, second = (registered(browser, client_name=name) for _ in range(2))
    for id in (first, second):
        administrator.open(f"/admin/clients/{id}")
        assert "same name" in administrator.text()


def test_who_decided_is_in_the_trail(guarded, administrator, browser, services):
    id = registered(browser)
    decide(administrator, id, "approved")
    wanted = Wanted(scope="user/AuditEvent.rs", role="auditor", division="3506")
    bearer = {"Authorization": f"Bearer {token(services, wanted)}"}
    url = f"{guarded.base}/AuditEvent?subtype=110129&_sort=-date&_count=20"
    events = [
        one["resource"] for one in requests.get(url, headers=bearer, timeout=20).json()["entry"]
    ]
    about = [one for one in events if id in json.dumps(one)]
    assert any("王丁卯" in json.dumps(one, ensure_ascii=False) for one in about)


def test_however_many_clients_wait_all_can_be_found(administrator, services):
    now = datetime.now(UTC)
    shelf = services.store.shelf(shelves.CLIENTS)
    for number in range(101):
        client = {"name": f"应用{number}", "kind": "app", "status": "suspended", "created": now}
        shelf.add(f"many-{number:03}", client)
    try:
        first = administrator.open("/admin/clients").text
        (link,) = re.findall(r'rel="next" href="([^"]+)"', first)
        second = administrator.open(unescape(link)).text
        told = [re.findall(r"/admin/clients/(many-[0-9]+)", text) for text in (first, second)]
        assert len({*told[0], *told[1]}) == 101
        assert 'rel="next"' not in second
        assert second.count("<h2>") == 1
    finally:
        for number in range(101):
            shelf.take(f"many-{number:03}")
