"""The second factor of staff: one-time codes of an authenticator.

What is shared with the authenticator is encrypted before it is kept. A code is good for one use.
Who loses the device uses one of ten recovery codes.

Spec: https://www.rfc-editor.org/rfc/rfc6238
"""

from datetime import UTC, datetime
from secrets import token_hex

import pyotp
import segno

from server.identity import accounts, shelves
from server.services import Services
from server.store.shelf import Record, digest

_STEP = 30
_RECOVERY_CODES = 10
ISSUER = "通康 Tongkang"


def new_secret() -> str:
    """Return a new secret to share with an authenticator."""
    return pyotp.random_base32()


def picture(secret: str, login: str) -> str:
    """Return a data URI of the QR code that an authenticator reads `secret` from."""
    uri = pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)
    return segno.make(uri, error="m").svg_data_uri(scale=4, border=2)


def code(secret: str) -> str:
    """Return the code of `secret` now."""
    return pyotp.TOTP(secret).now()


def set_up(services: Services, account: Record, secret: str, code: str) -> list[str] | None:
    """Give `account` the second factor `secret` if `code` is right; return its recovery codes.

    Nobody else ever sees these. Returns None if the code is wrong, or there is a second factor.
    """
    step = _step(secret, code)
    if step is None:
        return None
    codes = [token_hex(8) for _ in range(_RECOVERY_CODES)]
    values: Record = {
        "totp": closed(services, account["id"], secret),
        "totp_step": step,
        "recovery": [_digest(one) for one in codes],
        "recovery_left": len(codes),
    }
    # Of two who set one up at the same time, the second has none.
    changed = accounts.shelf(services).change(account["id"], values, {"totp": None})
    return codes if changed else None


def forget(services: Services, account: Record) -> None:
    """Take the second factor from `account`; its person sets up another at the next sign-in."""
    values: Record = {"totp": None, "totp_step": 0, "recovery": [], "recovery_left": 0}
    accounts.shelf(services).change(account["id"], values)


def is_right(services: Services, account: Record, code: str) -> bool:
    """Tell whether `code` is right for `account`, and use it up."""
    step = _step(secret_of(services, account), code)
    known = accounts.shelf(services)
    if step is not None and step > account["totp_step"]:
        last = {"totp_step": account["totp_step"]}
        return known.change(account["id"], {"totp_step": step}, last) is not None
    kept = list(account.get("recovery", ()))
    if _digest(code) not in kept:
        return False
    kept.remove(_digest(code))
    left = {"recovery_left": account["recovery_left"]}
    used = {"recovery": kept, "recovery_left": len(kept)}
    return known.change(account["id"], used, left) is not None


def closed(services: Services, account: str, secret: str) -> str:
    """Return `secret` as the account with the id `account` keeps it."""
    return services.safe.closed(secret, _place(account))


def secret_of(services: Services, account: Record) -> str:
    """Return the secret that `account` shares with its authenticator, empty if there is none."""
    kept = account.get("totp")
    return services.safe.opened(kept, _place(account["id"])) if kept else ""


def encrypt(services: Services) -> None:
    """Encrypt with the key that does so now what is plain, or was encrypted with another."""
    known = accounts.shelf(services)
    for account in known.each({"kind": "staff"}):
        kept = account.get("totp")
        if kept and not services.safe.is_current(kept):
            new = closed(services, account["id"], secret_of(services, account))
            known.change(account["id"], {"totp": new}, {"totp": kept})


def _place(account: str) -> str:
    return f"{shelves.ACCOUNTS.name}/{account}"


def _step(secret: str, code: str) -> int | None:
    """Return the number of the half minute that `code` is right for, None if it is not."""
    if not secret or not code.isascii() or not code.isdigit():
        return None
    now = int(datetime.now(UTC).timestamp()) // _STEP
    generator = pyotp.TOTP(secret)
    steps = (now, now - 1, now + 1)
    return next(
        (s for s in steps if pyotp.utils.strings_equal(generator.generate_otp(s), code)), None
    )


def _digest(code: str) -> str:
    return digest(code.strip().lower())
