"""From a person's decision to the answer that the client gets: a code, or that they refused.

Spec: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2, https://www.rfc-editor.org/rfc/rfc9207,
https://www.rfc-editor.org/rfc/rfc8252#section-8.6
"""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import unquote

from authlib.oauth2 import OAuth2Error

from server.access import scopes
from server.access.caller import Party
from server.access.scopes import LAUNCHING, Scopes
from server.audit.event import Event, own
from server.auth import (
    authorization,
    codes,
    consents,
    grants,
    pending,
    redirects,
    shelves,
    terms,
)
from server.auth.authorization import Redirected
from server.auth.codes import Code
from server.auth.grants import Decision
from server.auth.offer import Offer
from server.fhir.messages import Language
from server.fhir.outcome import Forbidden, Unprocessable
from server.identity import people
from server.identity.access import caller_of
from server.identity.sessions import Session
from server.services import Services
from server.store.shelf import Record


class Undecided(Unprocessable):
    """What the person ticked is not enough to go on; the page says what is missing."""


def offered(services: Services, request: Record, account: Record) -> Offer:
    """Return what a pending request asks of the person of `account`: what can be granted still.

    Raises Forbidden if the client has no right any more to ask, or to have been launched.
    """
    client = pending.client_of(services, request)
    scope = authorization.grantable(services, client, scopes.parse(request["scope"]))
    is_launched = request["launch"] is not None
    if is_launched != ("launch" in scope) or not (scope.clinical or "openid" in scope):
        raise Forbidden.because("consent-unknown")
    return Offer(services, client, scope, account["kind"])


def patients(services: Services, request: Record, account: Record) -> tuple[str, ...]:
    """Return the patients that the person of `account` may choose from."""
    if "patient" in launched(request):
        return (f"Patient/{launched(request)['patient']}",)
    if account["kind"] == "resident":
        return people.persons(services, account)
    return (request["patient"],) if request["patient"] else ()


def launched(request: Record) -> Mapping[str, Any]:
    """Return the context that a request was launched in, empty if it was not."""
    found: Mapping[str, Any] = (request["launch"] or {}).get("context", {})
    return found


def allow(  # noqa: PLR0913, PLR0917  # all that the person decided
    services: Services,
    request: Record,
    session: Session,
    ticks: Collection[str],
    patient: str | None,
    language: Language,
) -> str:
    """Grant what is ticked and return where the browser is sent, with a code.

    Raises Forbidden for a patient that the person may not choose, or if the request is answered;
    Undecided if nothing is ticked, or no patient chosen.
    """
    offer = offered(services, request, session.account)
    choice = patients(services, request, session.account)
    if patient is not None and patient not in choice:
        raise Forbidden.because("consent-patient")
    encounter = "encounter" in launched(request)
    scope = offer.granted(ticks, encounter=encounter)
    if not scope.clinical and "openid" not in scope:
        raise Undecided.because("consent-nothing")
    if patient is None and (scope.clinical and (offer.needs_patient or offer.kind == "resident")):
        raise Undecided.because("consent-nobody")
    pending.answer(services, request)
    said = terms.of(offer, language)
    decision = Decision(
        client=offer.client,
        account=session.account,
        asked=offer.scope,
        scope=scope,
        patient=patient if offer.kind == "resident" else None,
        labels=offer.labels({one.removeprefix("sensitive.") for one in ticks}),
        terms=said,
        language=language,
        session=session.id,
    )
    return _coded(services, request, session, _kept(services, decision), scope, patient)


def again(services: Services, request: Record, session: Session) -> str | None:
    """Return where the browser is sent if the person need not be asked, None if they have to be.

    Any program of a device can take the place of a public app there, so the person sees each time
    that somebody asks in its name: RFC 8252 section 8.6.
    """
    if "consent" in request["prompts"] or "select_account" in request["prompts"]:
        return None
    offer = offered(services, request, session.account)
    is_public = offer.client["auth_method"] == "none"
    if is_public and not request["redirect_uri"].startswith("https://"):
        return None
    whose = {
        "client": request["client"],
        "account": session.account["id"],
        "session": session.id,
    }
    for language in ("zh", "en"):
        basis = terms.of(offer, language).basis
        grant = grants.standing(services, offer.scope, whose, basis)
        if (
            grant
            and grants.alive(services, grant["id"])
            and _is_for(offer, request, session.account, grant)
        ):
            scope = _narrowed(offer.scope, scopes.parse(grant["scope"]), request)
            if scope.clinical or "openid" in scope:
                pending.answer(services, request)
                return _coded(services, request, session, grant, scope, grant["patient"])
    return None


def deny(services: Services, request: Record, session: Session) -> str:
    """Answer a request with the person's no, and return where the browser is sent."""
    location = refuse(services, request, "access_denied")
    client = services.store.shelf(shelves.CLIENTS).find(request["client"]) or {"id": "?"}
    _record(services, "consent-refused", "E", session.account, client, ())
    return location


def refuse(services: Services, request: Record, error: str) -> str:
    """Answer a request with `error`, a code of OAuth, and return where the browser is sent."""
    pending.answer(services, request)
    told = OAuth2Error(error=error)
    issuer = services.interpreters.settings.root_url
    return Redirected(request["redirect_uri"], request["state"], told).location(issuer)


def _kept(services: Services, decision: Decision) -> Record:
    grant = grants.new(decision)
    lines = decision.terms.lines
    if decision.account["kind"] == "resident" and decision.patient is not None:
        client, account = decision.client, decision.account
        grant["consent"] = consents.given(services, grant, client, account, lines)
    grants.keep(services, grant, lines)
    concerned = [one for one in (grant["consent"], decision.patient) if one]
    _record(services, "consent-given", "C", decision.account, decision.client, concerned)
    return grant


def _record(  # noqa: PLR0913, PLR0917  # who did what about whom
    services: Services,
    act: str,
    letter: str,
    account: Record,
    client: Record,
    concerned: Collection[str],
) -> None:
    app = Party(client["id"], client.get("name"))
    caller = caller_of(account, "PATRQT" if account["kind"] == "resident" else "TREAT", app)
    services.trail.append(Event(act=own(act, letter), caller=caller, concerned=tuple(concerned)))


def _is_for(offer: Offer, request: Record, account: Record, grant: Record) -> bool:
    """Tell whether an authorisation is about whom the request is about, with nobody else to choose.

    That of a member of staff is about nobody; whom they look up, they look up each time.
    """
    if offer.kind == "staff":
        return "patient" in launched(request) or not offer.needs_patient
    if grant["patient"] is None:
        return "patient" not in launched(request)
    return patients(offer.services, request, account) == (grant["patient"],)


def _narrowed(asked: Scopes, granted: Scopes, request: Record) -> Scopes:
    """Return what is asked of what was granted, when all that is asked had been asked before."""
    has_encounter = "encounter" in launched(request)
    words = [word for word in asked.words if word in granted.words or word in LAUNCHING]
    if not has_encounter:
        words = [word for word in words if word != "launch/encounter"]
    clinical = [one for one in asked.clinical if granted.cover(Scopes((one,)))]
    kept = {one.text for one in clinical}
    # What a wildcard was narrowed to is granted still, as long as the wildcard is asked for.
    clinical += [
        one for one in granted.clinical if one.text not in kept and asked.cover(Scopes((one,)))
    ]
    return Scopes(tuple(clinical), tuple(words))


def _coded(  # noqa: PLR0913, PLR0917  # what the code is for
    services: Services,
    request: Record,
    session: Session,
    grant: Record,
    scope: Scopes,
    patient: str | None,
) -> str:
    """Return where the browser is sent with a new code of `grant`, with `patient` in context."""
    context = dict(launched(request))
    levels = {one.level for one in scope.clinical}
    if patient and ("patient" in levels or "launch/patient" in scope):
        context["patient"] = patient.partition("/")[2]
    code = Code(
        grant=grant,
        redirect_uri=request["redirect_uri"],
        challenge=request["challenge"],
        nonce=request["nonce"],
        scope=scope.text,
        context=context,
        session={"auth_time": session.auth_time, "factors": list(session.factors)},
    )
    told = [
        ("code", codes.add(services, code)),
        ("state", unquote(request["state"], errors="surrogateescape")),
        ("iss", services.interpreters.settings.root_url),
    ]
    return redirects.extended(request["redirect_uri"], told)
