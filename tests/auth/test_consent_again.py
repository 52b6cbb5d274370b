"""AUT-13, AUT-20: who has authorised an app is asked again, or is not."""

import pytest

from server.auth import shelves

BOTH = "patient/Observation.rs patient/Condition.rs patient/DiagnosticReport.read"


def test_who_asks_for_no_more_is_not_asked_again(world, app, someone):
    """AUT-20."""
    first = world.tokens(app, someone, scope=BOTH, ticks=["results.see"])
    for scope in (BOTH, "patient/Observation.rs"):
        visit = world.visit(app, someone)
        visit.ask(scope=scope)
        assert "code" in visit.sent
        again = visit.redeem(visit.sent["code"]).json()
        assert set(again["scope"].split()) <= set(first["scope"].split())
    assert world.services.store.shelf(shelves.GRANTS).count({"account": someone.id}) == 1


@pytest.mark.parametrize("address", ["http://127.0.0.1:5000/callback", "cn.example.app:/callback"])
@pytest.mark.parametrize("secret", [None, "a secret"])
def test_a_person_sees_each_time_that_somebody_asks_in_the_name_of_a_program(
    world, someone, address, secret
):
    """RFC 8252 section 8.6: any program of the device can say that it is this one."""
    app = world.app(secret=secret, redirect_uris=[address])
    world.tokens(app, someone)
    visit = world.visit(app, someone)
    visit.ask()
    assert ("code" in visit.sent) is (secret is not None)
    visit.ask(prompt="none")
    assert visit.sent.get("error") == (None if secret else "consent_required")


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": {"zh": "另一个目的", "en": "another purpose"}},
        {"legal_name": "另一家公司"},
        {"contacts": ["else@app.test"]},
        {"name": "另一个名字"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_who_is_told_something_else_is_asked_again(world, someone, change):
    app = world.app()
    world.tokens(app, someone)
    world.services.store.shelf(shelves.CLIENTS).change(app.id, change)
    visit = world.visit(app, someone)
    visit.ask()
    assert visit.page.action


@pytest.mark.parametrize(
    "again",
    [
        {"scope": f"{BOTH} patient/MedicationRequest.rs"},
        {"scope": f"{BOTH} offline_access"},
        {"scope": "patient/*.rs"},
        {"scope": BOTH, "prompt": "consent"},
    ],
    ids=str,
)
def test_who_asks_for_more_is_asked_again(world, app, someone, again):
    """AUT-20."""
    world.tokens(app, someone, scope=BOTH)
    visit = world.visit(app, someone)
    visit.ask(**again)
    assert visit.page.action


def test_another_person_in_the_family_is_asked_for(world, app, someone):
    """AUT-21: with several to choose from, nobody is taken for granted."""
    world.tokens(app, someone)
    world.child_of(someone)
    visit = world.visit(app, someone)
    visit.ask()
    assert visit.page.action


def test_what_was_refused_once_is_asked_for_again_when_it_is_all(world, app, someone):
    """AUT-20."""
    world.tokens(app, someone, scope=BOTH, ticks=["results.see"])
    visit = world.visit(app, someone)
    visit.ask(scope="patient/Condition.rs")
    assert visit.page.action
