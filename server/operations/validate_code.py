"""$validate-code of a CodeSystem and of a ValueSet: whether a code is one of theirs.

The answer is 200 either way; it says why a code is none, and what there is to say if it is.

Spec: https://hl7.org/fhir/R4/valueset-operation-validate-code.html
"""

from collections.abc import Callable, Mapping
from typing import Any

from server.context import Context
from server.fhir.outcome import BadRequest
from server.interactions.call import Call, Disclosed, Result
from server.operations import codes, value_sets
from server.operations.arguments import Arguments
from server.terminology import judgement
from server.terminology.membership import Code, Verdict
from server.terminology.systems import table
from server.terminology.versions import Versions

Json = Mapping[str, Any]


def in_code_system(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return whether a code is one of a code system: its URL, an instance, or a resource given.

    Raises NotFound if the code system is not here, BadRequest if it is not clear what is asked.
    """
    terminology, on = context.interpreters.terminology, codes.day(arguments)
    url, version = arguments.text("url"), arguments.text("version")
    disclosed: tuple[Disclosed, ...] = ()
    if call.id is not None:
        resource, told = codes.stored(context, call)
        url, version, disclosed = resource.get("url", ""), resource.get("version"), (told,)
    elif "codeSystem" in arguments.values:
        resource = codes.resource(context, arguments, "codeSystem")
        given = codes.codes(arguments, resource.get("url", ""), None)
        alone = table(resource)
        return codes.judged(context, [judgement.in_system(alone, one, on) for one in given], ())
    asked = codes.codes(arguments, url, version)
    if url is None and any(one.system is None for one in asked):
        raise BadRequest.because("operation-parameter-missing", name="url")
    verdicts = []
    for one in asked:
        if url is not None and one.system not in (None, url):
            verdicts.append(_elsewhere(one))
            continue
        system = terminology.known_system(url or one.system or "", version or one.version)
        verdicts.append(judgement.in_system(system, one, on))
    return codes.judged(context, verdicts, disclosed)


def in_value_set(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return whether a code is in a value set: its URL, an instance, or a resource given.

    Raises NotFound if the value set is not here, Unprocessable if it cannot be told what is in it,
    BadRequest if it is not clear what is asked.
    """
    source = value_sets.source(context, call, arguments)
    needs = call.id is None and "valueSet" not in arguments.values
    asked = codes.codes(
        arguments, arguments.text("system"), arguments.text("systemVersion"), needs_system=needs
    )
    verdicts = [_judged(source.composition, one, arguments) for one in asked]
    return codes.judged(context, verdicts, source.disclosed)


def _judged(composition: Callable[[Versions], Any], code: Code, arguments: Arguments) -> Verdict:
    versions = Versions()
    if code.system is not None and code.version is not None:
        versions = Versions(system=((code.system, code.version),))
    return judgement.judged(
        composition(versions),
        code,
        codes.day(arguments),
        takes_abstract=codes.flag(arguments, "abstract") is True,
    )


def _elsewhere(code: Code) -> Verdict:
    told = {"code": code.code[:80], "system": (code.system or "")[:80]}
    return Verdict(is_member=False, reason="code-not-in-value-set", arguments=told)
