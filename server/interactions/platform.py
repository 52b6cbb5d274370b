"""What the server itself does for a caller, beyond what that one may see.

What a record comes to is stored by the server: whom the record is about has to be found among all,
and who may send a record may have it stored as the resources that others ask for. Nothing of what
is found so is told to the caller. All of it belongs to the caller's unit and division, as whatever
the caller stores does.

Spec: 人口健康信息管理办法(试行) article 8 (R1.8c); https://hl7.org/fhir/R4/security.html
"""

from dataclasses import replace

from msgspec import structs

from server.access.platform import ROLE
from server.context import Context


def platform(context: Context) -> Context:
    """Return the context of the server itself, acting for the caller of `context`."""
    caller = structs.replace(context.access.caller, role=ROLE)
    access = replace(context.services.platform, caller=caller)
    return Context.of(context.services, access, context.language, context.work)
