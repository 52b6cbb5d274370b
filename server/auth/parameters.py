"""The parameters of a request to an endpoint of OAuth: from one place, each once.

Spec: https://www.rfc-editor.org/rfc/rfc6749#section-3.1
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from server.fhir.outcome import BadRequest

_MOST = 60
_LANGUAGE = "lang"
"""The one parameter that is ours: it chooses the language of a page."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What was given: `values` of what came once, the names of what came more often.

    Bytes that are no UTF-8 are surrogates in the values (PEP 383). `is_split` if some came in the
    URL and some in the body.
    """

    values: Mapping[str, str]
    repeated: frozenset[str] = frozenset()
    is_split: bool = False

    def get(self, name: str) -> str | None:
        """Return the value of parameter `name`; None if it is not there, is empty or repeated."""
        return self.values.get(name) or None


def once(values: Mapping[str, str]) -> Parameters:
    """Return parameters of which each is known to have come once."""
    return Parameters(dict(values))


def read(query: bytes, body: bytes) -> Parameters:
    """Return the parameters in the `query` of a URL and in a form's `body`.

    Raises BadRequest if there are too many.
    """
    asked, sent = _pairs(query), _pairs(body)
    counted = Counter(name for name, _ in (*asked, *sent))
    repeated = frozenset(name for name, times in counted.items() if times > 1)
    values = {name: value for name, value in (*asked, *sent) if name not in repeated}
    return Parameters(values, repeated, bool(asked and sent))


def is_text(value: str) -> bool:
    """Tell whether `value` is Unicode text without control characters."""
    return value.isprintable() and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    text = raw.decode("utf-8", "surrogateescape")
    try:
        found = parse_qsl(
            text, keep_blank_values=True, errors="surrogateescape", max_num_fields=_MOST
        )
    except ValueError as error:
        raise BadRequest.because("authorize-parameters") from error
    return [(name, value) for name, value in found if name != _LANGUAGE]
