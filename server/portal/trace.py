"""What the trail is told of a page: who looked, at which versions, before the page goes out.

Spec: https://hl7.org/fhir/R4/auditevent.html, 人口健康信息管理办法(试行) article 18 (R1.18)
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Blueprint, Response, g, request

from server.access.caller import Caller
from server.access.policy import Access
from server.audit.event import Act, Event, outcome, rest
from server.fhir.outcome import Unavailable
from server.interactions.call import Disclosed
from server.portal.desk import Desk
from server.portal.pages import language, refusal
from server.portal.session import address
from server.services import Services

_CHANGES = ("create", "update", "delete")


@dataclass(slots=True)
class _Kept:
    """What is to be told when the request has been answered."""

    desks: list[Desk] = field(default_factory=list)


def desk(services: Services, access: Access) -> Desk:
    """Return a desk for `access`; what it is used for on this page is recorded in the end."""
    made = Desk(services, access, language())
    _kept().desks.append(made)
    return made


def note(  # noqa: PLR0913  # an event is all of these
    services: Services,
    caller: Caller,
    act: Act,
    *,
    concerned: tuple[str, ...] = (),
    shown: tuple[Disclosed, ...] = (),
    facts: tuple[tuple[str, str], ...] = (),
    refused: str | None = None,
) -> None:
    """Record an act that is none of FHIR's interactions; `refused` is why it was not done."""
    services.trail.append(
        Event(
            act=act,
            caller=caller,
            outcome="0" if refused is None else "4",
            reason=refused,
            address=address(),
            request=_line(),
            concerned=concerned,
            shown=shown,
            facts=facts,
        )
    )


def recorded(blueprint: Blueprint, services: Callable[[], Services]) -> None:
    """Have every page of `blueprint` recorded; one that cannot be is not given."""

    @blueprint.after_request
    def record(response: Response) -> Response:
        try:
            for one in _kept().desks:
                if one.shown or response.status_code >= 400:
                    services().trail.append(_event(one, response.status_code, _line(), address()))
        except Unavailable as error:
            return refusal(error)
        return response


def piecemeal(services: Services) -> Callable[[Desk], None]:
    """Return what records what a desk was used for so far, after the request is gone.

    For an answer that goes out while it is made; each piece has to be recorded before it does.
    """
    line, where = _line(), address()

    def record(desk: Desk) -> None:
        if desk.shown:
            services.trail.append(_event(desk, 200, line, where))
            desk.shown.clear()

    return record


def _event(desk: Desk, status: int, line: str, where: str | None) -> Event:
    done = [one for one in _CHANGES if one in desk.done]
    return Event(
        act=rest(next(iter([*done, *desk.done]), "none")),
        caller=desk.access.caller,
        outcome=outcome(status),
        address=where,
        request=line,
        shown=tuple(desk.shown),
    )


def _kept() -> _Kept:
    found: _Kept | None = g.get("kept")
    if found is None:
        found = g.kept = _Kept()
    return found


def _line() -> str:
    """Return what was asked; a secret in the path is not told."""
    path = request.path
    if secret := (request.view_args or {}).get("secret"):
        path = path.replace(secret, "***")
    return f"{request.method} {path}"
