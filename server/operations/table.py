"""Which function does which operation, and the right that it needs.

What an operation is called, where it is had and what goes in stands in its OperationDefinition
under ``profiles/OperationDefinition/``, whose id is the key here.

Spec: https://hl7.org/fhir/R4/operations.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from server.context import Context
from server.fhir.outcome import NotFound
from server.interactions.call import Call, Result
from server.operations import (
    arguments,
    convert,
    diff,
    document,
    everything,
    expand,
    importing,
    lastn,
    lookup,
    meta,
    meta_changes,
    narrate,
    record_document,
    resolve,
    subsumes,
    summary,
    to_dataset,
    translate,
    validate,
    validate_code,
)
from server.operations.arguments import Arguments
from server.profiles.operations import OperationDefinition
from server.services import Interpreters

Handler = Callable[[Context, Call, Arguments], Result]
Check = Callable[[Context, Call, Arguments], object]


@dataclass(frozen=True, slots=True)
class Operation:
    """How an operation is done; `letter` is the right that it needs of the type in the URL.

    Without a `letter` its handler asks for what it needs. `searches` says that it takes the search
    parameters of the type as well, `may_store` that it can change something if it is posted. What
    `is_deferred` may be done later, when nobody waits for it; what `is_always_deferred` is never
    done at once, and has a `check` of what can be told at once.
    """

    handler: Handler
    letter: str | None = None
    searches: bool = False
    may_store: bool = False
    is_deferred: bool = False
    is_always_deferred: bool = False
    check: Check | None = None


OPERATIONS: Mapping[str, Operation] = {
    "codesystem-lookup": Operation(lookup.lookup),
    "codesystem-subsumes": Operation(subsumes.subsumes),
    "codesystem-validate-code": Operation(validate_code.in_code_system),
    "conceptmap-translate": Operation(translate.translate),
    "convert": Operation(convert.convert),
    "diff": Operation(diff.diff, "r"),
    "document": Operation(document.document, "r", may_store=True),
    "encounter-everything": Operation(everything.encounter, "r", is_deferred=True),
    "encounter-record-document": Operation(record_document.of_record, "r"),
    "encounter-record-resolve": Operation(resolve.resolve),
    "import": Operation(importing.import_, "c", is_always_deferred=True, check=importing.check),
    "lastn": Operation(lastn.lastn, "s", searches=True, is_deferred=True),
    "meta": Operation(meta.meta),
    "meta-add": Operation(meta_changes.add, "u"),
    "meta-delete": Operation(meta_changes.delete, "u"),
    "narrative": Operation(narrate.narrative),
    "patient-everything": Operation(everything.patient, "r", is_deferred=True),
    "summary": Operation(summary.summary, "r", is_deferred=True),
    "to-dataset": Operation(to_dataset.to_dataset, "r"),
    "validate": Operation(validate.validate),
    "valueset-expand": Operation(expand.expand),
    "valueset-validate-code": Operation(validate_code.in_value_set),
}


def perform(context: Context, call: Call) -> Result:
    """Return the result of the operation that `call` names. Raises FhirError for every refusal."""
    require(context, call)
    definition = defined(context.interpreters, call)
    operation = OPERATIONS[definition.id]
    given = arguments.read(context, call, definition, searches=operation.searches)
    return operation.handler(context, call, given)


def check(context: Context, call: Call) -> None:
    """Raise the refusal of what is wrong with `call`, as far as that can be told at once."""
    definition = defined(context.interpreters, call)
    operation = OPERATIONS[definition.id]
    if operation.check is not None:
        operation.check(context, call, arguments.read(context, call, definition))


def require(context: Context, call: Call) -> None:
    """Raise Forbidden unless the caller has the right that the table says, if it says one."""
    letter = OPERATIONS[defined(context.interpreters, call).id].letter
    if letter is not None:
        context.access.require_operation(call.operation or "", letter, call.type)


def changes(interpreters: Interpreters, call: Call) -> bool:
    """Tell whether `call` can change what is stored. Raises NotFound if it names no operation."""
    definition = defined(interpreters, call)
    is_posted = OPERATIONS[definition.id].may_store and call.method == "POST"
    return definition.affects_state or is_posted


def defined(interpreters: Interpreters, call: Call) -> OperationDefinition:
    """Return the definition of what `call` names. Raises NotFound if there is no such operation."""
    found = interpreters.operations.find(call.operation or "", call.type, call.id)
    if found is None:
        raise NotFound.because(
            "operation-unknown", operation=(call.operation or "")[:40], type=call.type or "*"
        )
    return found
