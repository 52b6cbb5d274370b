"""The web site of an app, at another origin than the server: its pages and the client library."""

from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from tests.browser.chromium import MODULES

PAGES = Path(__file__).parent / "app"
LIBRARY = MODULES / "fhirclient" / "build" / "fhir-client.js"


class _Pages(SimpleHTTPRequestHandler):
    def translate_path(self, path):
        plain = path.partition("?")[0]
        return str(LIBRARY) if plain == "/fhir-client.js" else super().translate_path(plain)

    def log_message(self, *_):
        """Keep quiet."""


@contextmanager
def running():
    """Serve the app, and yield its URL; `localhost` is another site than the server's 127.0.0.1."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Pages, directory=PAGES))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
