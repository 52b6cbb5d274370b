"""A web server where a client publishes its keys, good or bad."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Publisher:
    """Answers every GET with `keys` as told; `asked` are the headers of each request."""

    def __init__(self, keys):
        self.keys, self.asked = keys, []
        self.status, self.content_type, self.control = 200, "application/json", None
        self.location, self.drips, self.padding = None, False, 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(dict(self.headers))
                outer.answer(self)

            def log_message(self, *_):
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/jwks"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def answer(self, handler):
        body = json.dumps({"keys": self.keys}).encode() + b" " * self.padding
        handler.send_response(self.status)
        handler.send_header("Content-Type", self.content_type)
        handler.send_header("Content-Length", str(len(body)))
        if self.control is not None:
            handler.send_header("Cache-Control", self.control)
        if self.location is not None:
            handler.send_header("Location", self.location)
        handler.end_headers()
        if not self.drips:
            handler.wfile.write(body)
            return
        try:
            for byte in body:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                time.sleep(0.3)
        except OSError:
            return

    def close(self):
        self._server.shutdown()
        self._server.server_close()
