"""A sample app that is approved from the start, to try examples with; never in production.

Spec: https://www.rfc-editor.org/rfc/rfc8252#section-7.3
"""

from contextlib import suppress
from datetime import UTC, datetime

from server.auth import shelves
from server.services import Services
from server.store.shelf import Taken

APP = "demo-app"
REDIRECT = "http://127.0.0.1:5000/callback"
SCOPE = "openid fhirUser launch launch/patient offline_access patient/*.rs"


def add_app(services: Services) -> bool:
    """Register the sample app; tell whether it is there: in development only."""
    if services.interpreters.settings.mode == "production":
        return False
    record = {
        "name": "示例应用 Sample app",
        "kind": "app",
        "status": "approved",
        "created": datetime.now(UTC),
        "redirect_uris": [REDIRECT, f"{REDIRECT}.html"],
        "grant_types": ["authorization_code", "refresh_token"],
        "auth_method": "none",
        "scope": SCOPE,
        "legal_name": "通康开发示例 Tongkang samples",
        "purpose": {
            "zh": "试用接入指南中的示例",
            "en": "Try the examples of the page for developers",
        },
        "contacts": ["demo-app@localhost"],
        "is_sample": True,
    }
    with suppress(Taken):  # it stays as it is, even if an administrator has suspended it
        services.store.shelf(shelves.CLIENTS).add(APP, record)
    return True
