"""Which versions of code systems count, beside those that value sets name.

Spec: https://hl7.org/fhir/R4/valueset-operation-expand.html
"""

from dataclasses import dataclass

from server.fhir.outcome import Unprocessable

_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Versions:
    """Which versions of code systems count: as the parameters of ``$expand`` of these names."""

    system: tuple[tuple[str, str], ...] = ()
    check: tuple[tuple[str, str], ...] = ()
    force: tuple[tuple[str, str], ...] = ()

    def of(self, url: str, named: str | None) -> str | None:
        """Return the version of `url` that counts where `named` is. Raises Unprocessable."""
        found = dict(self.force).get(url) or named or dict(self.system).get(url)
        checked = dict(self.check).get(url)
        if checked is not None and found not in (None, checked):
            raise Unprocessable.because(
                "code-system-version-differs",
                system=url[:_SHOWN],
                version=str(found)[:_SHOWN],
                expected=checked[:_SHOWN],
            )
        return found or checked


AS_NAMED = Versions()
"""Those that value sets name, else the ones that are preferred."""
