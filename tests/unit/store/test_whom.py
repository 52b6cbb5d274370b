"""Who acted and on what is looked up in a field of its own, if it is all that is asked."""

import pytest

from server.store import whom

AGENT, ENTITY = "agent=Practitioner/p", "entity=Patient/x"


def test_the_field_has_agents_and_entities_without_versions():
    terms = [AGENT, ENTITY, f"{ENTITY}/_history/1", "type=rest", "entity-role=4"]
    assert whom.terms({"t": terms}) == [AGENT, ENTITY]
    assert whom.terms({}) == []


@pytest.mark.parametrize(
    ("asked", "done"),
    [
        ({"t": AGENT}, {"whom": AGENT}),
        ({"t": {"$in": [AGENT, ENTITY]}}, {"whom": {"$in": [AGENT, ENTITY]}}),
        ({"$or": [{"t": AGENT}, {"t": ENTITY}]}, {"$or": [{"whom": AGENT}, {"whom": ENTITY}]}),
        ({"$nor": [{"t": AGENT}]}, {"$nor": [{"whom": AGENT}]}),
        ({"t": {"$in": [AGENT, "type=rest"]}}, {"t": {"$in": [AGENT, "type=rest"]}}),
        ({"t": f"{ENTITY}/_history/1"}, {"t": f"{ENTITY}/_history/1"}),
        ({"t": {"$ne": AGENT}}, {"t": {"$ne": AGENT}}),
        ({"ds": {"$gte": 1}}, {"ds": {"$gte": 1}}),
    ],
)
def test_conditions_go_to_the_field_where_they_mean_the_same(asked, done):
    assert whom.condition("AuditEvent", asked) == done
    assert whom.condition("Observation", asked) == asked
