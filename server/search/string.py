"""Search parameters of type string, and ``phonetic`` among them.

Index entries: ``name=folded``, a unit separator, and the original: a search by the start reads
a range of them, an exact one finds the whole. What is longer than 512 characters is cut and
its original replaced by a hash. Of more than 10,000 bigrams the rest are left out, and ``…``, which
no folded string holds, stands for them.

Spec: https://hl7.org/fhir/R4/search.html#string
"""

from collections.abc import Iterable
from itertools import islice
from operator import add

from server.fhir.outcome import BadRequest
from server.search.conditions import Condition, any_of, starts_with
from server.search.folding import folded, folded_start, has_han
from server.search.parameter import Entries, Environment, Extract, Parameter
from server.search.phonetics import Phonetics
from server.search.steps import Json
from server.search.values import digest, unescaped

LENGTH = 512
MORE = "…"
_MOST = 10_000
_SEPARATOR = "\x1f"
_NAME_PARTS = ("text", "family", "given", "prefix", "suffix")
_ADDRESS_PARTS = ("text", "line", "city", "district", "state", "postalCode", "country")
_PLAIN = frozenset({"string", "markdown", "code", "uri", "url", "canonical", "id", "oid", "uuid"})


def extract(parameter: Parameter, type: str, environment: Environment) -> Extract | None:
    """Return what indexes values of the FHIR type `type`, None if they cannot be strings."""
    if parameter.code == "phonetic":
        maker = _SOUNDS.get(type)
        return None if maker is None else maker(parameter.name, environment.phonetics)
    if type == "HumanName":
        return _name(parameter.name)
    if type == "Address":
        return _parts(parameter.name, _ADDRESS_PARTS)
    return _plain(parameter.name) if type in _PLAIN else None


def condition(parameter: Parameter, text: str, environment: Environment) -> Condition:
    """Return the condition that a string starts with `text`, both folded.

    Raises BadRequest if nothing of `text` is left or it is longer than any entry.
    """
    value = unescaped(text)
    if len(value) > LENGTH:
        raise BadRequest.because("search-value-too-long", parameter=parameter.code, limit=LENGTH)
    starts = [folded(value)[:LENGTH]]
    if parameter.code == "phonetic":
        starts = environment.phonetics.spoken(value)
    if not any(starts):
        raise BadRequest.because("search-value-empty", parameter=parameter.code)
    return any_of(starts_with("s", f"{parameter.name}={start}") for start in starts)


def entry(name: str, original: str, plain: str) -> str:
    """Return the entry of a string, `plain` being it folded."""
    if len(original) <= LENGTH:
        return f"{name}={plain[:LENGTH]}{_SEPARATOR}{original}"
    return f"{name}={plain[:LENGTH]}{_SEPARATOR}{digest(original)}"


def bigrams(strings: Iterable[str]) -> list[str]:
    """Return the different pairs of neighbouring characters, and each string's last character.

    Of more than 10,000 only the first are returned, and the mark that there are more.
    """
    found: dict[str, None] = {}
    for text in dict.fromkeys(strings):
        found.update(dict.fromkeys(map(add, text, text[1:])))
        found[text[-1:]] = None
    found.pop("", None)
    return list(found) if len(found) <= _MOST else [*islice(found, _MOST), MORE]


def _add(name: str, original: str, entries: Entries) -> None:
    plain = folded_start(original, LENGTH)
    entries.s.append(entry(name, original, plain))
    entries.folded.append(plain)


def _plain(name: str) -> Extract:
    return lambda value, entries: _add(name, value, entries)


def _strings(value: Json, parts: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for part in parts:
        held = value.get(part)
        if isinstance(held, str):
            found.append(held)
        elif held is not None:
            found.extend(text for text in held if text is not None)
    return found


def _parts(name: str, parts: tuple[str, ...]) -> Extract:
    def extract(value: Json, entries: Entries) -> None:
        for text in _strings(value, parts):
            _add(name, text, entries)

    return extract


def _name(name: str) -> Extract:
    def extract(value: Json, entries: Entries) -> None:
        found = dict.fromkeys(_strings(value, _NAME_PARTS))
        # Nobody searches 张 and 三: the parts of a Han name are written without a space.
        whole = value.get("family", "") + "".join(_strings(value, ("given",)))
        if has_han(whole):
            found[whole] = None
        for text in found:
            _add(name, text, entries)

    return extract


def _sounds_of_text(name: str, phonetics: Phonetics) -> Extract:
    def extract(value: Json, entries: Entries) -> None:
        entries.s.extend(f"{name}={sound}" for sound in dict.fromkeys(phonetics.of_text(value)))

    return extract


def _sounds(name: str, phonetics: Phonetics) -> Extract:
    def extract(value: Json, entries: Entries) -> None:
        family, given = value.get("family", ""), "".join(_strings(value, ("given",)))
        sounds = phonetics.of_name(family, given) if family or given else []
        text = value.get("text", "")
        if text and text != family + given:
            sounds += phonetics.of_text(text)
        entries.s.extend(f"{name}={sound}" for sound in dict.fromkeys(sounds))

    return extract


_SOUNDS = {"HumanName": _sounds, "string": _sounds_of_text}
