"""What an app or a system says of itself when it asks to be registered.

Only what is declared here is read; the rest has no effect. Each fault is told by the code of
RFC 7591 section 3.2.2.

Spec: https://www.rfc-editor.org/rfc/rfc7591#section-2, https://www.rfc-editor.org/rfc/rfc9126#section-6
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from marshmallow import (
    EXCLUDE,
    Schema,
    ValidationError,
    fields,
    post_load,
    validate,
    validates_schema,
)

from server.records import web_address
from server.records.web_address import check_https

METHODS = ("none", "client_secret_basic", "private_key_jwt")
ALGORITHMS = ("RS384", "ES384")
GRANTS = ("authorization_code", "refresh_token", "client_credentials")
_LOOPBACK = ("127.0.0.1", "[::1]", "::1")
_PRIVATE_MEMBERS = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k"))
_SMALLEST_RSA = 256  # bytes of the modulus
_LONGEST = 500
KINDS = ("missing", "long", "plain", "https", "redirect", "url", "jwks", "kid", "private", "small",
         "keys", "days", "scope", "wrong")  # fmt: skip
"""The kinds of faults, of which ``wrong`` is any other."""
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Faulty(Exception):
    """The request cannot be registered; `error` is the code for it, `about` the field.

    `faults` say of every field that is wrong what kind of fault it is, such as ``https``.
    """

    error: str
    about: str
    faults: Mapping[str, str] = field(default_factory=dict)


def read(body: object) -> dict[str, Any]:
    """Return the client metadata in `body`, parsed JSON, with defaults filled in.

    Raises Faulty.
    """
    if not isinstance(body, Mapping):
        raise Faulty("invalid_client_metadata", "body")
    if "software_statement" in body:
        raise _statement(body["software_statement"])
    try:
        found: dict[str, Any] = _Registration().load(dict(body))
    except ValidationError as error:
        faults = {str(name): _kind(said) for name, said in error.messages_dict.items()}
        about = next(iter(faults), "body")
        is_uri = about == "redirect_uris"
        raise Faulty(
            "invalid_redirect_uri" if is_uri else "invalid_client_metadata", about, faults
        ) from None
    return found


def _kind(said: object) -> str:
    """Return the kind of the first fault among those that marshmallow tells of one field."""
    while isinstance(said, dict | list) and said:
        said = next(iter(said.values())) if isinstance(said, dict) else said[0]
    return said if said in KINDS else "wrong"


def _statement(value: object) -> Faulty:
    """Return why a software statement is refused: nobody's statements are trusted here."""
    is_jwt = isinstance(value, str) and _JWT.fullmatch(value)
    error = "unapproved_software_statement" if is_jwt else "invalid_software_statement"
    return Faulty(error, "software_statement")


def _text(**more: Any) -> fields.String:  # marshmallow's
    sizes = [validate.Length(1, error="missing"), validate.Length(0, _LONGEST, error="long")]
    return fields.String(
        validate=[*sizes, _is_plain], error_messages={"required": "missing"}, **more
    )


def _is_plain(value: str) -> None:
    """Raise ValidationError for characters that nobody sees, or that turn a text round."""
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Co", "Cn", "Cs") for letter in value):
        raise ValidationError("plain")


def _is_redirect(value: str) -> None:
    """Raise ValidationError unless a browser may be sent to `value` with a code."""
    parts = web_address.parts(value)
    is_web = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    is_app = "." in parts.scheme  # RFC 8252: a name in reverse of the app's own domain
    if parts.fragment or "#" in value or "*" in value or parts.username is not None:
        raise ValidationError("redirect")
    if not (is_web and parts.hostname) and not is_app:
        raise ValidationError("redirect")
    if is_web and parts.hostname not in _LOOPBACK and _is_address(parts.hostname or ""):
        raise ValidationError("redirect")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


_MEMBERS = ("kty", "kid", "use", "alg", "crv", "x", "y", "n", "e")
_NEEDED = {"EC": ("crv", "x", "y"), "RSA": ("n", "e")}


def _is_jwks(value: Mapping[str, Any]) -> None:
    """Raise ValidationError unless `value` is a set of public keys, each with a name of its own."""
    keys = value.get("keys")
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
        raise ValidationError("jwks")
    names = [key.get("kid") for key in keys]
    if len(set(map(str, names))) != len(names) or not all(map(_is_name, names)):
        raise ValidationError("kid")
    for key in keys:
        if _PRIVATE_MEMBERS & key.keys() or key.get("kty") not in ("RSA", "EC"):
            raise ValidationError("private")
        if not all(isinstance(key.get(name), str) for name in _NEEDED[key["kty"]]):
            raise ValidationError("jwks")
        if key["kty"] == "RSA" and len(str(key.get("n", ""))) * 3 // 4 < _SMALLEST_RSA:
            raise ValidationError("small")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable()


def _is_boolean(value: object) -> None:
    if not isinstance(value, bool):
        raise ValidationError("wrong")


def _urls(check: Any) -> fields.List[Any]:  # noqa: ANN401  # marshmallow's
    return fields.List(
        fields.String(validate=[validate.Length(1, 2000), check]),
        validate=validate.Length(0, 20),
        load_default=list,
    )


_NO_KEYS: dict[str, Any] = {"invalid": "jwks"}
_NO_DAYS: dict[str, Any] = {"invalid": "days"}


class _Registration(Schema):
    class Meta:
        unknown = EXCLUDE

    client_name = _text(required=True)
    redirect_uris = _urls(_is_redirect)
    post_logout_redirect_uris = _urls(_is_redirect)
    token_endpoint_auth_method = fields.String(
        load_default="client_secret_basic", validate=validate.OneOf(METHODS)
    )
    token_endpoint_auth_signing_alg = fields.String(validate=validate.OneOf(ALGORITHMS))
    grant_types = fields.List(
        fields.String(validate=validate.OneOf(GRANTS)),
        load_default=lambda: ["authorization_code"],
        validate=validate.Length(1, 3),
    )
    response_types = fields.List(
        fields.String(validate=validate.Equal("code")), load_default=None, allow_none=False
    )
    scope = fields.String(load_default="", validate=[validate.Length(0, 4000), _is_plain])
    contacts = fields.List(_text(), load_default=list, validate=validate.Length(0, 5))
    client_uri = fields.String(validate=check_https)
    logo_uri = fields.String(validate=check_https)
    policy_uri = fields.String(validate=check_https)
    tos_uri = fields.String(validate=check_https)
    launch_uri = fields.String(validate=check_https)
    jwks_uri = fields.String(validate=check_https)
    jwks = fields.Dict(validate=_is_jwks, error_messages=_NO_KEYS)
    legal_name = _text()
    purpose = _text()
    require_pushed_authorization_requests = fields.Raw(load_default=False, validate=_is_boolean)
    retention_days = fields.Integer(
        strict=True, validate=validate.Range(1, 3650, error="days"), error_messages=_NO_DAYS
    )

    @post_load
    def trim(self, data: dict[str, Any], **_: object) -> dict[str, Any]:
        """Return `data` with nothing in the keys but what makes them keys."""
        if "jwks" in data:
            keys = [
                {name: key[name] for name in _MEMBERS if isinstance(key.get(name), str)}
                for key in data["jwks"]["keys"]
            ]
            data["jwks"] = {"keys": keys}
        return data

    @validates_schema
    def agree(self, data: Mapping[str, Any], **_: object) -> None:
        """Raise ValidationError if what is said does not go together."""
        grants, method = set(data["grant_types"]), data["token_endpoint_auth_method"]
        if "authorization_code" in grants and not data["redirect_uris"]:
            raise ValidationError("missing", "redirect_uris")
        if "refresh_token" in grants and "authorization_code" not in grants:
            raise ValidationError("alone", "grant_types")
        if "client_credentials" in grants and (method != "private_key_jwt" or len(grants) > 1):
            raise ValidationError("signed", "grant_types")
        has_code = "authorization_code" in grants
        if data.get("response_types") not in (None, ["code"] if has_code else []):
            raise ValidationError("differ", "response_types")
        has_keys = ("jwks" in data) + ("jwks_uri" in data)
        if has_keys > 1 or (method == "private_key_jwt") != (has_keys == 1):
            raise ValidationError("keys", "jwks")
