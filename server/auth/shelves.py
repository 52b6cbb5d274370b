"""Where the authorization server keeps what it knows.

No secret is kept as it is: tokens and codes are named by their SHA-256, clients' secrets are
hashed with Argon2.
"""

from server.store.shelf import Layout

CLIENTS = Layout("_clients", indexes=(("status",), ("created",)))
GRANTS = Layout(
    "_grants",
    indexes=(("account", "client", "status"), ("client",), ("session",), ("patient",)),
)
RECEIPTS = Layout("_receipts", indexes=(("account",), ("client",)))
CODES = Layout("_codes", indexes=(("grant",), ("client",)))
TOKENS = Layout(
    "_tokens", indexes=(("grant",), ("client",), ("account",), ("family",), ("parent",))
)
PENDING = Layout("_pending", indexes=(("client",),))
PUSHED = Layout("_pushed", indexes=(("client",),))
LAUNCHES = Layout("_launches", indexes=(("client",),))
ASSERTIONS = Layout("_jti")
KEYS = Layout("_signing_keys", indexes=(("created",),))
