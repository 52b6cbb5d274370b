"""One comparison on a real MongoDB, without the queries that are made of them."""

from server.search.conditions import any_of
from server.search.kinds import KINDS
from server.search.parameter import Asked

NOW = 1_700_000_000_000_000


def leaves(parameter):
    """The parameters whose entries `parameter` is searched in."""
    if not parameter.sources:
        return [parameter]
    return [leaf for source in parameter.sources for leaf in leaves(source)]


def compared(plans, type, code, text, modifier=None):
    """The condition that a value of the parameter is `text`, as it stands in a URL."""
    plan = plans[type]
    found = []
    for leaf in leaves(plan.parameters[code]):
        kind = KINDS[leaf.type]
        compare = kind.condition if modifier is None else kind.modifiers[modifier]
        found.append(compare(leaf, text, plans.environment, Asked(NOW, few=False)))
    return any_of(found)


class Kept:
    """Resources, kept with their entries in one collection of the database."""

    def __init__(self, database, index, resources):
        self.plans = index.plans
        self.type = resources[0]["resourceType"]
        self._collection = database["kept"]
        self._collection.drop()
        self._collection.insert_many(
            {"_id": position, **index.entries(one)} for position, one in enumerate(resources)
        )

    def fulfilling(self, condition):
        """The positions of those that fulfil `condition`."""
        return sorted(row["_id"] for row in self._collection.find(condition, {"_id": 1}))

    def found(self, code, text, modifier=None):
        """The positions of those whose parameter has the value `text`."""
        return self.fulfilling(compared(self.plans, self.type, code, text, modifier))
