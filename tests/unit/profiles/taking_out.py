"""Elements taken out of resources one by one, as masks do."""

import orjson

from server.access.partial import FORMS
from server.access.policy import Masks

_ALWAYS_SHOWN = frozenset(("id", "meta", "implicitRules"))


def each_element_is_out(masking, resource, how):
    """See to it that each element of `resource`, hidden or masked, goes out in part at most."""
    type, body = resource["resourceType"], orjson.dumps(resource)
    slots = masking.shapes[type].slots | masking.shapes[type].siblings
    for name in resource.keys() - {"resourceType"}:
        slot = slots[name]
        if slot.name in _ALWAYS_SHOWN:
            continue
        told = orjson.loads(masking.shown({type: Masks(**{how: frozenset({slot.name})})}, body))
        has_parts = (slot.type in FORMS or "." in slot.type) and not name.startswith("_")
        assert name not in told or (how == "masked" and has_parts), (type, name)
        assert told.keys() <= resource.keys() - {"text"}
