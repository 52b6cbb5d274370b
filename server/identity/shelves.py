"""Where people's accounts, bonds and sessions are kept."""

from server.store.shelf import Layout

ACCOUNTS = Layout(
    "_accounts",
    indexes=(("person",), ("kind", "status"), ("divisions",), ("organization.reference",)),
    # A resident's record has one account, by whatever number its person signs in.
    unique=("login", "resident"),
)
BONDS = Layout("_bonds", indexes=(("account",), ("patient",), ("holder_login",), ("status",)))
SESSIONS = Layout("_sessions", indexes=(("account",),))
ATTEMPTS = Layout("_attempts")
ALARMS = Layout("_alarms", indexes=(("kind", "created"),))
CODES = Layout("_one_time_codes")
INVITATIONS = Layout("_invitations", indexes=(("account",),))
EMERGENCIES = Layout("_emergencies", indexes=(("account",), ("patient",), ("status",)))
