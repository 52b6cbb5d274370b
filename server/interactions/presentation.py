"""How much of each resource goes out: _summary and _elements.

Spec: https://hl7.org/fhir/R4/search.html#summary
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from server.fhir.outcome import BadRequest
from server.interactions.call import Call
from server.profiles.subset import Subsets

SUMMARIES = ("true", "text", "data", "count", "false")
# Read by the HTTP face, which lays out every answer.
LAYOUT = ("_format", "_pretty")
PARAMETERS = (*LAYOUT, "_summary", "_elements")


def single(query: Sequence[tuple[str, str]], names: Collection[str]) -> dict[str, str]:
    """Return the values of those parameters of `query` that are among `names`, by name.

    Raises BadRequest if one is there with different values.
    """
    found: dict[str, str] = {}
    for name, value in query:
        if name in names and found.setdefault(name, value) != value:
            raise BadRequest.because("parameter-values-differ", name=name)
    return found


@dataclass(frozen=True, slots=True)
class Presentation:
    """What the caller wants to see of each resource."""

    summary: str = "false"
    elements: frozenset[str] = frozenset()

    @classmethod
    def only(cls, call: Call, subsets: Subsets) -> "Presentation":
        """Return the presentation asked for by `call`, which has no parameters but these.

        Raises BadRequest on another parameter, unless the caller is lenient.
        """
        presentation, rest = cls.split(call.query)
        if rest and not call.preference.lenient:
            raise BadRequest.because("parameter-unknown-here", name=rest[0][0][:40])
        presentation.refuse_count()
        presentation.check(subsets, call.resource_type)
        return presentation

    @classmethod
    def split(
        cls, query: Sequence[tuple[str, str]]
    ) -> tuple["Presentation", list[tuple[str, str]]]:
        """Return the presentation that `query` asks for, and the other parameters.

        Raises BadRequest on a value of _summary that FHIR does not know, on two of them, or when
        _summary and _elements are both there.
        """
        rest = [(name, value) for name, value in query if name not in PARAMETERS]
        summary = single(query, ("_summary",)).get("_summary", "false")
        if summary not in SUMMARIES:
            raise BadRequest.because("summary-unknown", value=summary[:40])
        listed = ",".join(value for name, value in query if name == "_elements")
        names = (name.strip() for name in listed.split(","))
        elements = frozenset(name.rpartition(".")[2] for name in names if name)
        if elements and summary != "false":
            raise BadRequest.because("summary-and-elements")
        return cls(summary, elements), rest

    def refuse_count(self) -> None:
        """Raise BadRequest if only a number is wanted, which only a search can give."""
        if self.summary == "count":
            raise BadRequest.because("summary-count-needs-search")

    @property
    def whole(self) -> bool:
        """Tell whether resources go out as they are stored."""
        return self.summary == "false" and not self.elements

    def check(self, subsets: Subsets, *types: str) -> None:
        """Raise BadRequest if _elements names an element that none of `types` has."""
        if not (self.elements and types):
            return
        unknown = set(self.elements).intersection(
            *(subsets.unknown(type, self.elements) for type in types)
        )
        if unknown:
            raise BadRequest.because("element-unknown-here", name=min(unknown)[:40], type=types[0])

    def of(self, subsets: Subsets, type: str, body: bytes) -> bytes:
        """Return what goes out of the resource `body`."""
        if self.whole:
            return body
        if self.elements:
            return subsets.elements(type, body, self.elements)
        if self.summary == "true":
            return subsets.summary(type, body)
        return subsets.text(type, body) if self.summary == "text" else subsets.data(body)
