"""The endpoints of the authorization server that software talks to.

Spec: https://www.rfc-editor.org/rfc/rfc6749#section-3
"""

from collections.abc import Callable

from authlib.oauth2.rfc6749 import InvalidRequestError
from flask import Blueprint, Response, jsonify, make_response, request

from server.auth import cors, introspection, metadata, pushed, revocation
from server.auth.client_credentials import ClientCredentials
from server.auth.code_grant import CodeGrant
from server.auth.keys import Keys
from server.auth.refresh_grant import RefreshGrant
from server.auth.requests import answered, require_form
from server.auth.server import Server
from server.auth.userinfo import told
from server.services import Services
from server.settings import Settings

_WELL_KNOWN = "/.well-known"
SMART = "/fhir/.well-known/smart-configuration"


def endpoints(
    server: Callable[[], Server], services: Callable[[], Services], known: cors.Known
) -> Blueprint:
    """Return the blueprint of the endpoints; `server` is asked for once the process is ready."""
    blueprint = Blueprint("oauth", __name__)

    @blueprint.post("/token")
    @answered
    def token() -> Response:
        require_form()
        if not request.form.get("grant_type"):
            raise InvalidRequestError("There is no grant_type.")
        made: Response = server().create_token_response()
        return made

    @blueprint.post("/introspect")
    @answered
    def introspect() -> Response:
        require_form()
        return jsonify(introspection.introspected(server()))

    @blueprint.post("/revoke")
    @answered
    def revoke() -> Response:
        require_form()
        revocation.revoke(server())
        return make_response(jsonify({}), 200)

    @blueprint.get("/jwks")
    def jwks() -> Response:
        made = jsonify(Keys(services()).published())
        made.headers["Cache-Control"] = "public, max-age=3600"
        return made

    _of_people(blueprint, server)
    _described(blueprint, services)
    cors.allow(blueprint, known)
    cors.preflights(blueprint)
    return blueprint


def _of_people(blueprint: Blueprint, server: Callable[[], Server]) -> None:
    @blueprint.route("/userinfo", methods=["GET", "POST"])
    @answered
    def userinfo() -> Response:
        return jsonify(told(server(), request.environ))

    @blueprint.post("/par")
    @answered
    def par() -> Response:
        require_form()
        return make_response(jsonify(pushed.push(server())), 201)


def _described(blueprint: Blueprint, services: Callable[[], Services]) -> None:
    def settings() -> Settings:
        return services().interpreters.settings

    @blueprint.get(f"{_WELL_KNOWN}/oauth-authorization-server")
    def oauth() -> Response:
        return jsonify(metadata.oauth(settings()))

    @blueprint.get(f"{_WELL_KNOWN}/openid-configuration")
    def openid() -> Response:
        return jsonify(metadata.openid(settings()))

    @blueprint.get(SMART)
    def smart() -> Response:
        return jsonify(metadata.smart(settings()))


def grants() -> list[tuple[type, list[object]]]:
    """Return the grants that there are, with their extensions."""
    return [(CodeGrant, []), (RefreshGrant, []), (ClientCredentials, [])]
