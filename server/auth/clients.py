"""Clients: the apps and systems that are registered here.

Only what an administrator has approved counts; a client that is suspended has no rights from
that moment.

Spec: https://www.rfc-editor.org/rfc/rfc6749#section-2, https://www.rfc-editor.org/rfc/rfc8252
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin

from server.access import scopes
from server.access.caller import Caller, Party
from server.access.scopes import Scopes
from server.auth import redirects, shelves
from server.identity import passwords
from server.services import Services
from server.store.shelf import Record


@dataclass(frozen=True, slots=True)
class Client(ClientMixin):  # type: ignore[misc]  # Authlib has no types
    """A registered client; `record` is as it is kept."""

    record: Record

    @property
    def id(self) -> str:
        """The client id."""
        return str(self.record["id"])

    @property
    def allowed(self) -> Scopes:
        """The most that it may be granted."""
        return scopes.parse(self.record.get("scope", ""))

    def get_client_id(self) -> str:
        """Return the client id."""
        return self.id

    def get_default_redirect_uri(self) -> None:
        """Return None: a redirect URI has to be given."""

    def get_allowed_scope(self, scope: str) -> str:
        """Return what of `scope` it may be granted."""
        return scopes.parse(scope or "").within(self.allowed).text

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Tell whether `redirect_uri` is registered, to the letter.

        Only the port of a loopback address may be another: RFC 8252 section 7.3.
        """
        return redirects.is_registered(redirect_uri, self.record.get("redirect_uris", ()))

    def check_client_secret(self, client_secret: str) -> bool:
        """Tell whether `client_secret` is the client's."""
        return passwords.is_right(self.record.get("secret"), client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Tell whether it is `method` by which the client says who it is."""
        del endpoint  # the same everywhere
        return bool(self.record["auth_method"] == method)

    def check_response_type(self, response_type: str) -> bool:
        """Tell whether it may ask for `response_type`."""
        return response_type == "code" and self.check_grant_type("authorization_code")

    def check_grant_type(self, grant_type: str) -> bool:
        """Tell whether it may use `grant_type`."""
        return grant_type in self.record.get("grant_types", ())


def approved(services: Services, client_id: str) -> Client | None:
    """Return the client with this id, None if there is none or it does not count."""
    record = services.store.shelf(shelves.CLIENTS).find(client_id)
    return Client(record) if counts(record, services) else None


def counts(record: Record | None, services: Services) -> TypeGuard[Record]:
    """Tell whether there is a client and it may do anything; a sample may not in production."""
    if record is None or record["status"] != "approved":
        return False
    return is_fit(record, services)


def is_fit(record: Record, services: Services) -> bool:
    """Tell whether a client or a grant may be used: not in production if it is to try out."""
    return not record.get("is_sample") or services.interpreters.settings.mode != "production"


def itself(record: Record) -> Caller:
    """Return who calls when a client changes what it says of itself, or removes itself."""
    return Caller(kind="system", client=Party(record["id"], record["name"]), purpose="HSYSADMIN")


def origins(record: Mapping[str, Any]) -> set[str]:
    """Return the origins of web pages that the client of `record` runs on."""
    found = set(record.get("origins", ()))
    for uri in record.get("redirect_uris", ()):
        parts = urlsplit(uri)
        if parts.scheme in ("https", "http"):
            found.add(f"{parts.scheme}://{parts.netloc}")
    return found
