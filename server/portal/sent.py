"""Redirections, by the status after which a browser never posts again what it posted.

Spec: https://www.rfc-editor.org/rfc/rfc9700#section-4.12
"""

from flask import Response


def sent(location: str) -> Response:
    """Return the answer that sends the browser to `location`, byte for byte."""
    answer = Response(status=303)
    # As it is: whoever made the address has encoded it.
    answer.autocorrect_location_header = False
    answer.headers["Location"] = location
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
