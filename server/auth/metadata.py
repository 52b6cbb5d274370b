"""What the authorization server says of itself, to three audiences.

Spec: https://www.rfc-editor.org/rfc/rfc8414,
https://openid.net/specs/openid-connect-discovery-1_0.html,
https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html
"""

from typing import Any

from server.auth import assertion, keys
from server.auth.server import METHODS, endpoint, issuer
from server.settings import Settings

CAPABILITIES = (
    "launch-ehr", "launch-standalone", "authorize-post", "client-public",
    "client-confidential-symmetric", "client-confidential-asymmetric", "sso-openid-connect",
    "context-banner", "context-style", "context-ehr-patient", "context-ehr-encounter",
    "context-standalone-patient", "permission-offline", "permission-online", "permission-patient",
    "permission-user", "permission-v1", "permission-v2",
)  # fmt: skip
SCOPES = (
    "openid", "fhirUser", "profile", "launch", "launch/patient", "launch/encounter",
    "offline_access", "online_access", "patient/*.rs", "patient/*.read", "user/*.cruds", "user/*.*",
    "system/*.cruds", "system/*.*",
)  # fmt: skip


def oauth(settings: Settings) -> dict[str, Any]:
    """Return the authorization server's metadata."""
    return {
        "issuer": issuer(settings),
        "authorization_endpoint": endpoint(settings, "authorize"),
        "token_endpoint": endpoint(settings, "token"),
        "jwks_uri": endpoint(settings, "jwks"),
        "registration_endpoint": endpoint(settings, "register"),
        "introspection_endpoint": endpoint(settings, "introspect"),
        "revocation_endpoint": endpoint(settings, "revoke"),
        "pushed_authorization_request_endpoint": endpoint(settings, "par"),
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "token_endpoint_auth_methods_supported": list(METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(assertion.ALGORITHMS),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "service_documentation": endpoint(settings, "developer"),
        "ui_locales_supported": ["zh-CN", "en"],
    }


def openid(settings: Settings) -> dict[str, Any]:
    """Return the OpenID provider's metadata."""
    return {
        **oauth(settings),
        "userinfo_endpoint": endpoint(settings, "userinfo"),
        "end_session_endpoint": endpoint(settings, "end-session"),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [keys.ALGORITHM],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "amr", "fhirUser",
        ],
    }  # fmt: skip


def smart(settings: Settings) -> dict[str, Any]:
    """Return the SMART configuration."""
    return {
        **oauth(settings),
        "management_endpoint": endpoint(settings, "me/apps"),
        "capabilities": list(CAPABILITIES),
    }
