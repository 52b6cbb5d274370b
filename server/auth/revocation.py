"""Token revocation: an app gives back what it was given.

Spec: https://www.rfc-editor.org/rfc/rfc7009
"""

from authlib.oauth2.rfc6749 import InvalidRequestError
from flask import request

from server.access.caller import Caller, Party
from server.audit.event import Event, own
from server.auth import visit
from server.auth.server import METHODS, Server

REVOKED = own("token-revoked", "D")


def revoke(server: Server) -> None:
    """Revoke the token in the form of this request; with a refresh token, all of its grant.

    A token that is not known needs no revoking. Raises InvalidRequestError if it is another
    client's.
    """
    client = server.authenticate_client(server.create_oauth2_request(None), METHODS, "revocation")
    token = request.form.get("token", "")
    if not token:
        raise InvalidRequestError("There is no token.")
    record = server.tokens.find(token)
    if record is None:
        return
    if record["client"] != client.id:
        raise InvalidRequestError("The token is not the client's.")
    caller = Caller(kind="system", client=Party(client.id, client.record["name"]))
    facts = (("grant", record["grant"]), ("kind", record["kind"]))
    server.services.trail.append(
        Event(act=REVOKED, caller=caller, address=visit.address(), facts=facts)
    )
    if record["kind"] == "refresh":
        server.tokens.revoke_all("grant", record["grant"])
    else:
        server.tokens.revoke(token)
