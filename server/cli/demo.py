"""``tongkang demo``: a region of synthetic residents, loaded once."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from server.access.policy import OPEN
from server.auth import sandbox
from server.cli.database import opened
from server.cli.settings import exit_with, settings_or_exit
from server.context import Context
from server.demo import institutions, residents, shapes
from server.fhir.json import Resource
from server.fhir.messages import text
from server.fhir.outcome import FhirError
from server.interactions.call import Call
from server.interactions.writing import draft, parsed

if TYPE_CHECKING:
    from server.store.documents import Draft

_RESIDENTS_AT_ONCE = 50


def region(command: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """Give `command` the options that say which region: how many residents, and the seed."""
    residents = click.option(
        "--residents",
        "count",
        default=200,
        show_default=True,
        help="How many residents. / 居民人数。",
    )
    seed = click.option(
        "--seed",
        default=1,
        show_default=True,
        help="Another seed makes other residents. / 种子不同，居民也不同。",
    )
    return residents(seed(command))


@click.command
@region
def demo(count: int, seed: int) -> None:
    """Load a demo region of synthetic residents. What is there already stays as it is.

    载入由虚构居民组成的演示地区。已有的数据保持不变。
    """
    settings = settings_or_exit()
    try:
        with opened(settings) as services:
            services.registry.start(working=True)
            context = Context.of(services, OPEN, settings.language)
            stored = _load(context, count, seed)
            sandbox.add_app(services)
    except FhirError as error:
        exit_with(error, settings.language)
    click.echo(text("demo-stored", settings.language, {"residents": count, "resources": stored}))


def _load(context: Context, count: int, seed: int) -> int:
    stored = _store(context, institutions.institutions())
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[stored]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress:
        title = text("demo-progress", context.language, {})
        task = progress.add_task(title, total=count, stored=_told(context, stored))
        for people in _batches(residents.residents(count, seed)):
            stored += _store(context, itertools.chain.from_iterable(people))
            progress.update(task, advance=len(people), stored=_told(context, stored))
    return stored


def _told(context: Context, stored: int) -> str:
    return text("demo-progress-stored", context.language, {"count": stored})


def _batches(people: Iterator[list[Resource]]) -> Iterator[list[list[Resource]]]:
    while batch := list(itertools.islice(people, _RESIDENTS_AT_ONCE)):
        yield batch


def _store(context: Context, resources: Iterable[Resource]) -> int:
    """Store `resources`, patients first, for all that is about them belongs where they do."""
    people: list[Resource] = []
    others: list[Resource] = []
    for made in resources:
        (people if made["resourceType"] == "Patient" else others).append(made)
    return _store_all(context, people) + _store_all(context, others)


def _store_all(context: Context, resources: Iterable[Resource]) -> int:
    drafts: dict[str, list[Draft]] = defaultdict(list)
    with context.services.registry.writing():
        for made in resources:
            type = made["resourceType"]
            # The demo passes the same checks as a caller's body.
            call = Call(interaction="update", type=type, body=shapes.encoded(made))
            resource, body = parsed(context, call)
            drafts[type].append(draft(context, type, made["id"], resource, body))
        return sum(context.resources.create_many(of_type) for of_type in drafts.values())
