"""$summary: the International Patient Summary of one patient, a document made when it is asked for.

In it is what the caller may see and nothing else. Of a required section without anything it is
said that nothing is known, or, if the caller has no right to its types, that it is withheld.

Spec: http://hl7.org/fhir/uv/ips/STU1.1/OperationDefinition-summary.html
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from server.context import Context
from server.fhir import json
from server.fhir.outcome import BadRequest, Issue, NotFound
from server.interactions import criteria, redaction
from server.interactions.call import Call, Disclosed, Result
from server.operations import composing, document, following, reading
from server.operations.arguments import Arguments
from server.operations.choosing import Chosen, chosen
from server.operations.composing import Filled, Head
from server.operations.document import Entry
from server.operations.following import FIELDS, Found
from server.operations.reading import Json
from server.services import VERSION

_PROFILE = "http://hl7.org/fhir/uv/ips/StructureDefinition/Bundle-uv-ips"
_NEEDED = ("name", "birthDate")
_LARGE = ("Binary",)


def summary(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return the summary of one patient, named by the URL or by an identifier.

    Raises NotFound, Gone, PreconditionFailed if the identifier is of several patients, BadRequest
    if another profile than that of the IPS is asked for, or an identifier beside an id.
    """
    profile = (arguments.text("profile") or _PROFILE).partition("|")[0]
    if profile != _PROFILE:
        raise BadRequest(Issue("not-supported", "summary-profile", {"profile": profile[:80]}))
    if call.id is not None and arguments.text("identifier") is not None:
        raise BadRequest.because("summary-patient-twice")
    patient = context.resources.read("Patient", call.id or _identified(context, arguments))
    sections = chosen(context, patient.id)
    found = list({(one, row["_id"]): (one, row) for each in sections for one, row in each.found}
                 .values())  # fmt: skip
    shown = redaction.shown(context, patient.body or b"")
    entries = document.entries(context, found)
    supporting = _supporting(context, [shown, *(body for _, body in entries)], found)
    subject = f"{context.interpreters.settings.base_url}/Patient/{patient.id}"
    made = _Made(context, subject, entries, document.entries(context, supporting))
    first = made.composition(reading.read(shown), sections)
    whole = document.bundle(
        context,
        [first, (subject, shown), *made.own, *entries, *made.supporting],
        _PROFILE if all(name in reading.read(shown) for name in _NEEDED) else None,
    )
    disclosed = (Disclosed.of(patient), *map(document.told, (*found, *supporting)))
    return Result(status=200, body=whole, disclosed=disclosed)


class _Made:
    """The resources that are made for one summary: `own` entries beside the Composition.

    They refer to others by whole URLs, since their own tell no base that a reference could go by.
    """

    def __init__(
        self,
        context: Context,
        subject: str,
        entries: Sequence[Entry],
        supporting: Sequence[Entry],
    ) -> None:
        self.own: list[Entry] = []
        self.supporting = supporting
        self._context = context
        self._subject = subject
        base = self._base = f"{context.interpreters.settings.base_url}/"
        self._told = {url: reading.read(body) for url, body in entries}
        self._names = {
            url.removeprefix(base): reading.name(reading.read(body)) for url, body in supporting
        }

    def composition(self, patient: Json, sections: Iterable[Chosen]) -> Entry:
        """Return the entry of the Composition, and make what it refers to."""
        author = self._add(_author())
        now = self._context.services.store.now()
        head = Head(
            self._subject,
            _name(patient),
            author,
            json.instant(now, self._context.interpreters.zone),
            self._context.language,
        )
        filled = [one for each in sections if (one := self._filled(each)) is not None]
        return _entry(composing.composition(head, filled, self._names))

    def _filled(self, one: Chosen) -> Filled | None:
        """Return the section as it is told, None if it is left out."""
        urls = [f"{self._base}{type}/{row['_id']}" for type, row in one.found]
        entries = [(url, self._told[url]) for url in urls]
        section, absent = one.section, one.section.absent
        if not entries and absent is None:
            return None
        if not entries and absent is not None and not one.is_withheld:
            unknown = _about(absent, self._subject)
            entries = [(self._add(unknown), unknown)]
        return Filled(section, entries, one.number - len(urls), one.is_withheld)

    def _add(self, resource: Mapping[str, Any]) -> str:
        entry = _entry(resource)
        self.own.append(entry)
        return entry[0]


def _entry(resource: Mapping[str, Any]) -> Entry:
    return f"urn:uuid:{uuid4()}", json.dumps(resource)


def _about(absent: Mapping[str, Any], subject: str) -> dict[str, Any]:
    """Return the resource `absent`, whose one empty reference is to the `subject`."""
    to_fill = {"reference": ""}
    return {name: {"reference": subject} if one == to_fill else one for name, one in absent.items()}


def _author() -> dict[str, Any]:
    return {
        "resourceType": "Device",
        "manufacturer": "Tongkang",
        "deviceName": [{"name": "通康 Tongkang", "type": "user-friendly-name"}],
        "version": [{"value": VERSION}],
    }


def _name(patient: Json) -> str:
    for one in patient.get("name", ()):
        parts = [one.get("family", ""), *one.get("given", ())]
        if told := one.get("text") or " ".join(filter(None, parts)):
            return str(told)
    return ""


def _supporting(context: Context, bodies: Iterable[bytes], known: Iterable[Found]) -> list[Found]:
    """Return the resources about nobody that `bodies` refer to."""
    there = {(type, row["_id"]) for type, row in known}
    wanted = {pointer for body in bodies for pointer in following.pointers(context, body)}
    new = {pointer for pointer in wanted if pointer not in there}
    parts = following.parts(new, following.about(()), but=_LARGE)
    readable = [part for part in parts if context.access.has(part.type, "r")]
    return list(context.resources.union(readable, FIELDS, letters="r"))


def _identified(context: Context, arguments: Arguments) -> str:
    """Return the id of the patient whose identifier is given. Raises NotFound, BadRequest."""
    identifier = arguments.text("identifier")
    if identifier is None:
        raise BadRequest.because("operation-parameter-missing", name="identifier")
    wanted = criteria.compiled(context, "Patient", [("identifier", identifier)])
    found = criteria.matched(context, "Patient", wanted)
    if found is None:
        raise NotFound.because("summary-patient-unknown")
    return found.id
