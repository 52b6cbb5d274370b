"""CodeSystem/$subsumes: whether one concept is beneath the other.

Spec: https://hl7.org/fhir/R4/codesystem-operation-subsumes.html
"""

import orjson

from server.context import Context
from server.fhir.outcome import BadRequest, NotFound
from server.interactions.call import Call, Disclosed, Result
from server.operations import codes
from server.operations.arguments import Arguments
from server.terminology.membership import Code

_SHOWN = 80


def subsumes(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return how A stands to B: equivalent, subsumes, subsumed-by or not-subsumed.

    Raises NotFound if a concept or the code system is not there, BadRequest if it is not clear
    which are meant.
    """
    url, version = arguments.text("system"), arguments.text("version")
    disclosed: tuple[Disclosed, ...] = ()
    if call.id is not None:
        resource, told = codes.stored(context, call)
        if url not in (None, resource.get("url")):
            raise BadRequest.because("terminology-system-differs")
        url, version, disclosed = resource.get("url", ""), resource.get("version"), (told,)
    ends = [_end(arguments, letter, url) for letter in ("A", "B")]
    systems = {one.system for one in ends}
    if len(systems) != 1 or (call.id is not None and systems != {url}):
        raise BadRequest.because("terminology-system-differs")
    version = version or ends[0].version or ends[1].version
    system = context.interpreters.terminology.known_system(ends[0].system or "", version)
    found = system.concepts([one.code for one in ends])
    for one in ends:
        if one.code not in found:
            told_code = {"system": system.about.url[:_SHOWN], "code": one.code[:_SHOWN]}
            raise NotFound.because("code-unknown", **told_code)
    first, second = (found[one.code] for one in ends)
    outcome = "not-subsumed"
    if first.code == second.code:
        outcome = "equivalent"
    elif first.code in second.ancestors:
        outcome = "subsumes"
    elif second.code in first.ancestors:
        outcome = "subsumed-by"
    return codes.parameters([{"name": "outcome", "valueCode": outcome}], disclosed)


def _end(arguments: Arguments, letter: str, url: str | None) -> Code:
    given = codes.exactly_one(arguments, f"code{letter}", f"coding{letter}")
    if given.startswith("coding"):
        found = codes.code_of(orjson.loads(arguments.value(given) or b"{}"))
        return Code(found.code, found.system or url, found.version)
    if url is None:
        raise BadRequest.because("terminology-needs", name=given, other="system")
    return Code(arguments.text(given) or "", url)
