"""Whether a code belongs to a composition, and what there is to say of it if it does.

Spec: https://hl7.org/fhir/R4/valueset-operation-validate-code.html
"""

from collections.abc import Mapping
from datetime import date

from server.terminology.compositions import Composition, Part, about
from server.terminology.concepts import Concept
from server.terminology.folding import folded
from server.terminology.membership import OUTSIDE, UNKNOWN, Code, Verdict
from server.terminology.systems import System

_SHOWN = 80


def judged(
    composition: Composition, code: Code, on: date | None = None, *, takes_abstract: bool = False
) -> Verdict:
    """Return whether `code` is one of `composition`, on that day if one is given."""
    verdicts = [
        _in_part(part, code, on, takes_abstract=takes_abstract) for part in about(composition, code)
    ]
    for answer in (True, None, False):
        found = next((one for one in verdicts if one.is_member is answer), None)
        if found is not None:
            return found
    return _outside(code)


def in_system(system: System, code: Code, on: date | None = None) -> Verdict:
    """Return whether `code` is one of `system`."""
    concept = system.concepts((code.code,)).get(code.code)
    if concept is None:
        return _unknown(system, code)
    return _valid(concept, code, on, concept.display)


def _in_part(part: Part, code: Code, on: date | None, *, takes_abstract: bool) -> Verdict:
    concept = None
    if part.system is not None:
        concept = part.system.concepts((code.code,)).get(code.code)
    if concept is None:
        return _not_here(part, code, on)
    if not part.expression.holds(concept):
        return _outside(code)
    if concept.is_abstract and not takes_abstract:
        return Verdict(is_member=False, reason="code-abstract", arguments=_told(code))
    return _valid(concept, code, on, _label(part, code) or concept.display)


def _not_here(part: Part, code: Code, on: date | None) -> Verdict:
    """Return what is to be said of a code whose concept is not here."""
    system = part.system
    if system is not None and system.about.is_whole:
        return _unknown(system, code)
    match part.expression.decided(code.code):
        case None:
            reason = "code-system-unknown" if system is None else "code-system-incomplete"
            told = {**_told(code), "system": _shown(part.url, part.version)}
            return Verdict(is_member=None, reason=reason, arguments=told)
        case False:
            return _outside(code)
    label = _label(part, code)
    return _valid(Concept(code.code, display=label), code, on, label)


def _label(part: Part, code: Code) -> str | None:
    found = part.labels.get(code.code, {}).get("display")
    return None if found is None else str(found)


def _outside(code: Code) -> Verdict:
    return Verdict(is_member=False, reason=OUTSIDE, arguments=_told(code))


def _valid(concept: Concept, code: Code, on: date | None, display: str | None) -> Verdict:
    """Return what is to be said of a code that belongs there."""
    was_valid = None if on is None else concept.is_valid(on)
    if on is not None and was_valid is False:
        told = {**_told(code), "date": on.isoformat()}
        return Verdict(is_member=False, reason="code-not-valid-on", arguments=told, display=display)
    if code.display is not None and not _is_name(code.display, concept, display):
        told = {**_told(code), "given": code.display[:_SHOWN], "display": display}
        return Verdict(is_member=True, reason="display-differs", arguments=told, display=display)
    if concept.is_inactive and not was_valid:
        told = {**_told(code), "display": display or ""}
        return Verdict(is_member=True, reason="code-inactive", arguments=told, display=display)
    return Verdict(is_member=True, display=display)


def _is_name(given: str, concept: Concept, display: str | None) -> bool:
    """Tell whether a concept is called so; of one without a name nothing is wrong."""
    names = {folded(name) for name in (*concept.names(), *([display] if display else ()))}
    return not names or folded(given) in names


def _unknown(system: System, code: Code) -> Verdict:
    told = {**_told(code), "system": _shown(system.about.url, system.about.version)}
    if system.about.is_whole:
        return Verdict(is_member=False, reason=UNKNOWN, arguments=told)
    return Verdict(is_member=None, reason="code-system-incomplete", arguments=told)


def _told(code: Code) -> Mapping[str, object]:
    return {"code": code.code[:_SHOWN], "system": (code.system or "")[:_SHOWN]}


def _shown(url: str, version: str | None) -> str:
    return url[:_SHOWN] if version is None else f"{url[:_SHOWN]}|{version[:_SHOWN]}"
