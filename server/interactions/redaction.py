"""What of a resource goes out to a caller, and what a caller may not overwrite for not seeing it.

Spec: 人口健康信息管理办法(试行) article 8, 最少够用 (R1.8b); https://hl7.org/fhir/R4/security.html
"""

from server.context import Context
from server.fhir.outcome import Forbidden


def shown(context: Context, body: bytes) -> bytes:
    """Return what of the resource `body` the caller may see."""
    masks = context.access.masks
    return context.interpreters.masking.shown(masks, body) if masks and body else body


def require_whole(context: Context, type: str, body: bytes) -> None:
    """Raise Forbidden if the caller does not see all of `body`, and would overwrite the rest.

    Whether it has a masked element today does not count: that would tell.
    """
    if type in context.access.masks or shown(context, body) != body:
        raise Forbidden.because("update-of-part-forbidden", type=type)
