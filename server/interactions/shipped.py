"""Definitions that come with the server: nobody else writes them, whatever their rights.

They say what the running code does, so what is stored of them has to be what came with it. Who
wants another one stores it under another id.

Spec: https://hl7.org/fhir/R4/operationdefinition.html
"""

from server.context import Context
from server.fhir.outcome import Forbidden


def check(context: Context, type: str, id: str) -> None:
    """Raise Forbidden if the resource comes with the server, and it is not the server that writes.

    An open server, which asks nobody for rights, refuses it too.
    """
    if context.interpreters.publications.has(type, id) and not context.access.internal:
        raise Forbidden.because("definition-shipped", type=type, id=id)
