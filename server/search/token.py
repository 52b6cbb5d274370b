"""Search parameters of type token.

Index terms: ``name=code`` in any system, and ``name=system|code`` or, for a code without a
system, ``name=|code``. A parameter whose values never have a system has only the last of these.
Text goes to the strings as ``name:text=folded``; ``name:of-type=system|code|value`` is an
identifier with its type.

Spec: https://hl7.org/fhir/R4/search.html#token
"""

from collections.abc import Callable, Iterator

from server.fhir.outcome import BadRequest
from server.search.conditions import Condition, any_of, starts_with
from server.search.parameter import Entries, Environment, Extract, Parameter
from server.search.steps import Json
from server.search.string import LENGTH, sought
from server.search.values import LONGEST_TERM, compared, escaped, shown, split, unescaped
from server.terminology.folding import folded_start

_PRIMITIVES = ("boolean", "code", "id", "string", "uri", "oid", "uuid", "canonical")
_BARE_TYPES = frozenset((*_PRIMITIVES, "ContactPoint"))
BOOLEAN_SYSTEM = "http://terminology.hl7.org/CodeSystem/special-values"
_JUST_AFTER_BAR = "}"


def extract(parameter: Parameter, type: str, _environment: Environment) -> Extract | None:
    """Return what indexes values of the FHIR type `type`, None if they cannot be tokens."""
    maker = _EXTRACTS.get(type)
    return None if maker is None else maker(parameter)


def condition(parameter: Parameter, text: str, _environment: Environment) -> Condition:
    """Return the condition for one searched value.

    ``code`` matches in any system, ``|code`` in none, ``system|code`` in that one, and
    ``system|`` any code of it.

    Raises BadRequest if `text` names neither a system nor a code, or a system of more than a
    thousand characters without a code.
    """
    field, start = _field(parameter), f"{parameter.name}="
    match [unescaped(part) for part in split(text, "|")]:
        case [code] if code:
            bar = "|" if _is_bare(parameter) else ""
            return {field: compared(start + bar + escaped(code))}
        case ["", code] if code:
            return {field: compared(f"{start}|{escaped(code)}")}
        case [system, ""] if system:
            first = f"{start}{escaped(system)}|"
            if len(first) > LONGEST_TERM:
                raise BadRequest.because(
                    "search-value-too-long", parameter=parameter.code, limit=LONGEST_TERM
                )
            within = {field: {"$elemMatch": {"$gte": first, "$lt": first[:-1] + _JUST_AFTER_BAR}}}
            bare = [{field: f"{start}|{escaped(code)}"} for code in _implied(parameter, system)]
            return any_of([within, *bare])
        case [system, code] if code:
            terms = [{field: compared(f"{start}{escaped(system)}|{escaped(code)}")}]
            if code in _implied(parameter, system):
                terms.append({field: f"{start}|{escaped(code)}"})
            return any_of(terms)
    raise BadRequest.because(
        "search-token-invalid", parameter=parameter.code, value=shown(unescaped(text))
    )


def text_starts(parameter: Parameter, text: str, _environment: Environment) -> Condition:
    """Return the condition that a text of a value starts with `text`, both folded.

    It is a concept's or an identifier type's text, or the display of a coding.

    Raises BadRequest if nothing of `text` is left or it is longer than any entry.
    """
    return starts_with("s", f"{parameter.name}:text={sought(parameter, text)}")


def of_type(parameter: Parameter, text: str, _environment: Environment) -> Condition:
    """Return the condition that an identifier has this type and value: ``system|code|value``.

    Raises BadRequest if one of the three is missing.
    """
    match [unescaped(part) for part in split(text, "|")]:
        case [system, code, number] if system and code and number:
            wanted = f"{term(system, code)}|{escaped(number)}"
            return {"t": compared(f"{parameter.name}:of-type={wanted}")}
    raise BadRequest.because(
        "search-of-type-invalid", parameter=parameter.code, value=shown(unescaped(text))
    )


def term(system: str | None, code: str) -> str:
    """Return the part of a term after its name, for a code in `system`."""
    return f"{escaped(system or '')}|{escaped(code)}"


def _field(parameter: Parameter) -> str:
    return "c" if parameter.main == "c" else "t"


def _implied(parameter: Parameter, system: str) -> list[str]:
    """Return the codes of `system` that stand in resources without naming it."""
    return sorted(parameter.implied.get(system, ()))


def _terms(parameter: Parameter) -> Callable[[Entries], list[str]]:
    return (lambda entries: entries.c) if parameter.main == "c" else (lambda entries: entries.t)


def _is_bare(parameter: Parameter) -> bool:
    """Tell whether no value of `parameter` can have a system."""
    return bool(parameter.types) and parameter.types <= _BARE_TYPES


def _bare(parameter: Parameter) -> Extract:
    name, terms, alone = f"{parameter.name}=", _terms(parameter), _is_bare(parameter)

    def add(value: Json, entries: Entries) -> None:
        code = escaped(_written(value))
        found = terms(entries)
        found.append(f"{name}|{code}")
        if not alone:
            found.append(name + code)

    return add


def _coding(parameter: Parameter) -> Extract:
    name, text, terms = f"{parameter.name}=", f"{parameter.name}:text=", _terms(parameter)

    def add(value: Json, entries: Entries) -> None:
        code, system = value.get("code"), value.get("system")
        found = terms(entries)
        if code is not None:
            found.append(name + escaped(code))
            found.append(name + term(system, code))
        elif system is not None:
            found.append(name + term(system, ""))
        display = value.get("display")
        if display is not None:
            entries.s.append(text + folded_start(display, LENGTH))

    return add


def _concept(parameter: Parameter) -> Extract:
    add_coding, label = _coding(parameter), f"{parameter.name}:text="

    def add(value: Json, entries: Entries) -> None:
        for coding in value.get("coding", ()):
            add_coding(coding, entries)
        text = value.get("text")
        if text is not None:
            entries.s.append(label + folded_start(text, LENGTH))

    return add


def _identifier(parameter: Parameter) -> Extract:
    name, terms = f"{parameter.name}=", _terms(parameter)
    of_type, label = f"{parameter.name}:of-type=", f"{parameter.name}:text="

    def add(value: Json, entries: Entries) -> None:
        system, number, type = value.get("system"), value.get("value"), value.get("type", {})
        if number is not None:
            terms(entries).append(name + escaped(number))
            terms(entries).append(name + term(system, number))
            entries.t.extend(of_type + kind for kind in _numbers_of_type(type, number))
        elif system is not None:
            terms(entries).append(name + term(system, ""))
        if "text" in type:
            entries.s.append(label + folded_start(type["text"], LENGTH))

    return add


def _numbers_of_type(type: Json, number: str) -> Iterator[str]:
    for coding in type.get("coding", ()):
        if "code" in coding:
            yield f"{term(coding.get('system'), coding['code'])}|{escaped(number)}"


def _contact(parameter: Parameter) -> Extract:
    add_bare = _bare(parameter)

    def add(value: Json, entries: Entries) -> None:
        if "value" in value:
            add_bare(value["value"], entries)

    return add


def _written(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


_EXTRACTS: dict[str, Callable[[Parameter], Extract]] = {
    "Coding": _coding,
    "CodeableConcept": _concept,
    "Identifier": _identifier,
    "ContactPoint": _contact,
    **dict.fromkeys(_PRIMITIVES, _bare),
}
