"""``tongkang search-parameters``: the search parameters of our own, and all that do not work."""

from collections.abc import Iterator

import click

from server.cli.database import opened
from server.cli.settings import exit_with, settings_or_exit
from server.fhir.messages import Language, text
from server.fhir.outcome import FhirError
from server.profiles.definitions import SearchParameter
from server.profiles.own_parameters import identity
from server.search import own
from server.services import Interpreters
from server.store.registry import Registry

_STATES = {
    "queued": "parameters-queued",
    "running": "parameters-running",
    "done": "parameters-done",
    "failed": "parameters-failed",
}


@click.command
def search_parameters() -> None:
    """Show each own search parameter with its state, and each that cannot be used, with the reason.

    列出每个自定义检索参数及其状态，以及每个无法使用的检索参数及其原因。
    """
    settings = settings_or_exit()
    try:
        with opened(settings) as services:
            mine = list(_own(services.registry, settings.language))
            useless = [*_unusable(services.interpreters), *_rejected(services.registry)]
    except FhirError as error:
        exit_with(error, settings.language)
    click.echo(text("parameters-own", settings.language, {"count": len(mine)}))
    for line in mine:
        click.echo(f"  {line}")
    click.echo(text("parameters-none", settings.language, {"count": len(useless)}))
    for line in useless:
        click.echo(f"  {line}")


def _own(registry: Registry, language: Language) -> Iterator[str]:
    for type, parameters in sorted(registry.view.own.items()):
        for one in parameters:
            state = _state(registry, type, one, language)
            yield f"{type}?{one.code}  {one.url}  {state}"


def _state(registry: Registry, type: str, one: SearchParameter, language: Language) -> str:
    job = registry.jobs.get(type)
    if one not in registry.view.indexed.get(type, ()):
        return text("parameters-as-others", language, {})
    if job is None:
        return text("parameters-queued", language, {})
    state = "done" if identity(one) in job.indexed else job.state
    told = {"percent": job.percent, "done": job.done, "total": job.total, "reason": job.reason}
    return text(_STATES[state], language, told)


def _unusable(interpreters: Interpreters) -> Iterator[str]:
    """Yield R4's parameters that work for no type, each once, with the reason."""
    plans, types = interpreters.index.plans, interpreters.definitions.resource_types
    told = {fact.id for type in types for fact in interpreters.queries.searchable(type).values()}
    for type in types:
        for code, fact in plans.r4.search_parameters[type].items():
            if fact.id not in told:
                told.add(fact.id)
                yield f"{fact.base[0]}?{code}  {fact.url}  {own.reason(plans, fact, type)}"


def _rejected(registry: Registry) -> Iterator[str]:
    for one, reasons in registry.view.rejected:
        yield f"{'|'.join(one.base)}?{one.code}  {one.url}  {' '.join(reasons)}"
