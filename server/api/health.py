"""What an orchestrator asks: are you alive, are you ready, how are you doing."""

from collections.abc import Callable

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST

from server.api import progress, telemetry
from server.fhir.outcome import Unavailable
from server.services import Services


def probes(
    services: Callable[[], Services], is_published: Callable[[], bool] = lambda: True
) -> Blueprint:
    """Return ``/livez`` (this process answers), ``/readyz`` (it can serve) and ``/metrics``.

    It can serve once what comes with the server `is_published`.
    """
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/livez")
    def livez() -> Response:
        return Response("ok\n", content_type="text/plain; charset=utf-8")

    @blueprint.get("/readyz")
    def readyz() -> Response:
        try:
            services().store.ping()
            if not is_published():
                raise Unavailable.because("definitions-unpublished")
        except Unavailable as error:
            text = "".join(f"{issue.text('en')}\n" for issue in error.issues)
            return Response(text, 503, [*error.headers.items()], content_type="text/plain")
        return Response("ok\n", content_type="text/plain; charset=utf-8")

    @blueprint.get("/metrics")
    def metrics() -> Response:
        if not services().interpreters.settings.metrics:
            return Response("", 404)
        figures = telemetry.exposition() + progress.exposition(services().registry.jobs)
        return Response(figures, content_type=CONTENT_TYPE_LATEST)

    return blueprint
