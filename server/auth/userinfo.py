"""The UserInfo endpoint: the claims of an id token, asked for with the access token beside it.

Spec: https://openid.net/specs/openid-connect-core-1_0.html#UserInfo
"""

from collections.abc import Mapping
from typing import Any

from server.access import scopes
from server.auth import openid, rights
from server.auth.bearer import presented, refused
from server.auth.server import Server
from server.fhir.outcome import Forbidden
from server.identity import shelves as identity


def told(server: Server, environ: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims about the person of the token in a request.

    Raises Unauthenticated if the token is not good, Forbidden if it is not for this.
    """
    record = server.tokens.find(presented(environ))
    known = None if record is None else rights.of(server.services, record)
    if record is None or record["kind"] != "access" or known is None:
        raise refused("token-unknown")
    scope = scopes.parse(record["scope"])
    account = server.services.store.shelf(identity.ACCOUNTS).find(record["account"] or "")
    if account is None or "openid" not in scope:
        error = Forbidden.because("token-without-openid")
        error.headers["WWW-Authenticate"] = (
            'Bearer realm="tongkang", error="insufficient_scope", scope="openid"'
        )
        raise error
    return openid.claims(server.services, account, scope, known.masks)
