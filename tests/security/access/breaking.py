"""Ways to break the enforcement, one part at a time; the proof has to turn red for each.

Each is done in the process that becomes the server under test, and nowhere else.
"""

from collections.abc import Callable

from server.access import policy
from server.interactions import redaction
from server.interactions.patience import Patience
from server.search import hiding, visible
from server.store.history import History


def _no_region() -> None:
    visible._region = lambda region: {}


def _no_compartment() -> None:
    visible._persons = lambda type, patients, about, past: {}


def _no_labels() -> None:
    visible._unlabelled = lambda withheld, region: {}


def _no_constraint() -> None:
    visible._Compiled._constraint = lambda self, type, pairs: {}


def _whole_past() -> None:
    visible._Compiled.past = lambda self, type, letters: {}


def _no_letters() -> None:
    policy.gives = lambda roles, right, type, letter: right.type in (type, "*")


def _no_types() -> None:
    policy.Access.has = lambda self, type, letter: True
    policy.Access.types = lambda self, letter: None
    visible._Compiled._for = lambda self, type, letter, about, past: {}


def _past_without_present() -> None:
    History._hidden = lambda self, ids, letter: set()


def _includes_by_search_alone() -> None:
    Patience.returning = lambda self: self


def _searchable_hidden() -> None:
    hiding.require_shown = lambda plan, code, sight: None


def _searchable_types() -> None:
    hiding.require_type = lambda type, sight: None


def _no_masks() -> None:
    redaction.shown = lambda context, body: body


BREAKS: dict[str, Callable[[], None]] = {
    "region": _no_region,
    "compartment": _no_compartment,
    "labels": _no_labels,
    "constraint": _no_constraint,
    "past": _whole_past,
    "letters": _no_letters,
    "types": _no_types,
    "present": _past_without_present,
    "includes": _includes_by_search_alone,
    "hidden": _searchable_hidden,
    "chains": _searchable_types,
    "masks": _no_masks,
}
"""What is removed, by a name."""
