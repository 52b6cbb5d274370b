"""Where people's accounts, bonds and sessions are kept."""

from server.store.shelf import Layout

ACCOUNTS = Layout(
    "_accounts",
    indexes=(("person",), ("kind", "status"), ("organization.reference",)),
    unique=("login",),
)
BONDS = Layout("_bonds", indexes=(("account",), ("patient",)))
SESSIONS = Layout("_sessions", indexes=(("account",),))
ATTEMPTS = Layout("_attempts")
CODES = Layout("_one_time_codes")
INVITATIONS = Layout("_invitations", indexes=(("account",),))
EMERGENCIES = Layout("_emergencies", indexes=(("account",), ("patient",), ("status",)))
