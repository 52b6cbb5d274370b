"""AUT-21: staff look up the patient whom an app is about."""

from tests import builders
from tests.auth.unit import lives


def test_staff_look_up_the_patient_of_an_app_that_stands_alone(world, app, doctor):
    """AUT-21."""
    number = "350602199001011234"
    found = lives(world, identifier=[{"system": builders.ID_CARD, "value": number}])
    visit = world.visit(app, doctor)
    visit.ask(scope="launch/patient patient/*.rs")
    assert visit.persons == []
    visit.decide("find", number="000000000000000000")
    assert visit.answer.status_code == 422
    visit.decide("find", number=number)
    assert visit.persons == [found.removeprefix("Patient/")]
    tokens = visit.redeem(visit.allow()["code"]).json()
    assert f"Patient/{tokens['patient']}" == found
    visit = world.visit(app, doctor)
    visit.ask(scope="launch/patient patient/*.rs")
    assert visit.persons == []


def test_staff_look_up_only_whom_they_may_see(world, app, doctor):
    """AUT-21."""
    number = "110101199001011234"
    world.store(builders.patient(identifier=[{"system": builders.ID_CARD, "value": number}]))
    visit = world.visit(app, doctor)
    visit.ask(scope="launch/patient patient/*.rs")
    visit.decide("find", number=number)
    assert visit.answer.status_code == 422
    assert visit.persons == []
    visit.decide("allow", patient="Patient/anybody")
    assert visit.answer.status_code == 403


def test_staff_cannot_look_up_one_number_after_the_other(world, app):
    visit = world.visit(app, world.staff())
    visit.ask(scope="launch/patient patient/*.rs")
    page = visit.page
    statuses = []
    for number in range(32):
        visit.page = page
        visit.decide("find", number=f"{number:018d}")
        statuses.append(visit.answer.status_code)
    assert statuses == [422] * 30 + [429] * 2
