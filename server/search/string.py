"""Search parameters of type string, and among them those of sounds, ``phonetic`` and ``pinyin``.

Index entries: ``name=folded``, a unit separator, and the original: a search by the start reads
a range of them, an exact one finds the whole. What is longer than 512 characters is cut and
its original replaced by a hash. Of more than 10,000 bigrams the rest are left out, and ``…``, which
no folded string holds, stands for them.

So ``:exact`` compares strings of any length, and ``:contains`` looks at the first 512 folded
characters of each. The name of a person is also found by how it sounds or by its initials, if
letters are all that was asked for.

What names begin with in Han is a term of its own, ``family^张``: surnames are what most searches
are for, and terms are read in the order of ids, however many people share one.

Spec: https://hl7.org/fhir/R4/search.html#string
"""

import re
from collections.abc import Iterable
from itertools import islice
from operator import add

from server.fhir.outcome import BadRequest
from server.search.conditions import NOTHING, Condition, all_of, any_of, starts_with
from server.search.parameter import Entries, Environment, Extract, Parameter
from server.search.steps import Json
from server.search.values import digest, unescaped
from server.terminology.folding import folded, folded_start, has_han
from server.terminology.phonetics import Phonetics, compact

LENGTH = 512
MORE = "…"
SOUNDED = frozenset({"phonetic", "pinyin"})
"""The codes of parameters that compare how names sound."""
_NAMES = frozenset({"name", "family", "given"})
_HEAD = 2
"""The longest beginning of a name that is a term: there are surnames of two characters."""
_MOST = 10_000
_PAIRS_ASKED = 4
_SEPARATOR = "\x1f"
_LETTERS = re.compile(r"[^\W\d_](?:[^\W\d_]|[ '’·-])*")
_NAME_PARTS = ("text", "family", "given", "prefix", "suffix")
_ADDRESS_PARTS = ("text", "line", "city", "district", "state", "postalCode", "country")
_PLAIN = frozenset({"string", "markdown", "code", "uri", "url", "canonical", "id", "oid", "uuid"})


def extract(parameter: Parameter, type: str, environment: Environment) -> Extract | None:
    """Return what indexes values of the FHIR type `type`, None if they cannot be strings."""
    if parameter.code in SOUNDED:
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
    if parameter.code in SOUNDED:
        starts = _sounding(parameter, text, environment.phonetics)
        return any_of(starts_with("s", f"{parameter.name}={start}") for start in starts)
    value = sought(parameter, text)
    if parameter.name in _NAMES and len(value) <= _HEAD and all(map(has_han, value)):
        return {"t": f"{parameter.name}^{value}"}
    found = [starts_with("s", f"{parameter.name}={value}")]
    if parameter.name == "name" and "HumanName" in parameter.types:
        # Wherever R4 has the name of a person it has its sounds, too.
        found += [starts_with("s", f"phonetic={one}") for one in _spelled(unescaped(text))]
    return any_of(found)


def exact(parameter: Parameter, text: str, environment: Environment) -> Condition:
    """Return the condition that a string is `text`, character by character.

    A Han name whose parts stand apart is also compared as a whole; a sound, with how `text` sounds.
    """
    if parameter.code in SOUNDED:
        sounds = _sounding(parameter, text, environment.phonetics)
        return any_of({"s": f"{parameter.name}={sound}"} for sound in sounds)
    value = unescaped(text)
    return {"s": entry(parameter.name, value, folded_start(value, LENGTH))}


def contains(parameter: Parameter, text: str, _environment: Environment) -> Condition:
    """Return the condition that a string has `text` in it, both folded.

    The bigrams find the few resources that may have it, whose strings are then compared.

    Raises BadRequest if nothing of `text` is left, it is longer than any entry, or `parameter`
    compares sounds.
    """
    if parameter.code in SOUNDED:
        raise BadRequest.because(
            "search-modifier-unsupported", parameter=parameter.code, modifier="contains"
        )
    value = sought(parameter, text)
    if "\0" in value:
        # No string of FHIR has it, and no pattern of MongoDB may.
        return NOTHING
    within = f"^{re.escape(parameter.name)}=[^{_SEPARATOR}]*{re.escape(value)}"
    return all_of([_with_pairs(value), {"s": {"$regex": within}}])


def sought(parameter: Parameter, text: str) -> str:
    """Return `text`, unescaped and folded.

    Raises BadRequest if nothing of it is left or it is longer than any entry.
    """
    value = unescaped(text)
    if len(value) > LENGTH:
        raise BadRequest.because("search-value-too-long", parameter=parameter.code, limit=LENGTH)
    plain = folded(value)[:LENGTH]
    if not plain:
        raise BadRequest.because("search-value-empty", parameter=parameter.code)
    return plain


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


def _sounding(parameter: Parameter, text: str, phonetics: Phonetics) -> list[str]:
    sought(parameter, text)
    sounds = phonetics.spoken(unescaped(text))
    if not any(sounds):
        raise BadRequest.because("search-value-empty", parameter=parameter.code)
    return sounds


def _spelled(value: str) -> list[str]:
    """Return the sound that `value` spells, or its initials; none unless it is all letters."""
    plain = compact(value)
    is_spelled = _LETTERS.fullmatch(value) is not None and plain.isalpha() and not has_han(plain)
    return [plain] if is_spelled else []


def _with_pairs(value: str) -> Condition:
    """Return the condition that the strings of a resource may have `value` among them."""
    pairs = list(dict.fromkeys(map(add, value, value[1:])))
    if not pairs:
        return any_of([starts_with("g", value), {"g": MORE}])
    # A few are enough to narrow the search down: each more is one more plan for MongoDB to try.
    chosen = pairs[:: -(-len(pairs) // _PAIRS_ASKED)]
    return {"$and": [{"g": {"$in": [pair, MORE]}} for pair in chosen]}


def _add(name: str, original: str, entries: Entries) -> None:
    plain = folded_start(original, LENGTH)
    entries.s.append(entry(name, original, plain))
    entries.folded.append(plain)
    if name in _NAMES:
        heads = {plain[:length] for length in range(1, _HEAD + 1)}
        entries.t.extend(
            f"{name}^{head}" for head in sorted(heads) if head and all(map(has_han, head))
        )


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
        family, names = value.get("family", ""), _strings(value, ("given",))
        given = "".join(names)
        sounds = phonetics.of_name(family, given) if family or given else []
        if len(names) > 1 and not has_han(given):
            # The second given name of someone stands by itself, too.
            sounds += [sound for name in names if (sound := compact(name))]
        text = value.get("text", "")
        if text and text != family + given:
            sounds += phonetics.of_text(text)
        entries.s.extend(f"{name}={sound}" for sound in dict.fromkeys(sounds))

    return extract


_SOUNDS = {"HumanName": _sounds, "string": _sounds_of_text}
