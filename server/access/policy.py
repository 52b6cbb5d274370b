"""The decision whether a caller may use an interaction at all.

Until the authorization server is built there is one policy, `OPEN`, which
lets everybody do everything; the server then listens on loopback only.
"""

from collections.abc import Callable
from dataclasses import dataclass

from server.access.visibility import EVERYTHING, Visibility
from server.fhir.outcome import Forbidden


@dataclass(frozen=True, slots=True)
class Access:
    """The rights of one caller: `allows` by interaction and type, `visibility` by content."""

    allows: Callable[[str, str | None], bool]
    visibility: Visibility

    def require(self, interaction: str, resource_type: str | None) -> None:
        """Raise Forbidden unless `interaction` is allowed on `resource_type`.

        None stands for the system as a whole.
        """
        if not self.allows(interaction, resource_type):
            raise Forbidden.because(
                "interaction-forbidden", interaction=interaction, type=resource_type or "*"
            )


OPEN = Access(lambda interaction, resource_type: True, EVERYTHING)  # noqa: ARG005  # allows anything
