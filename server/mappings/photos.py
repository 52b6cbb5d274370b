"""The conversion of a picture: base64 of a row into the data of an Attachment.

Spec: https://hl7.org/fhir/R4/datatypes.html#base64Binary
"""

import binascii
from base64 import b64decode

from server.mappings.conversions import Asked, Beside, Conversion
from server.records.cells import WrongCellError


def base64(_: Asked) -> Conversion:
    """Make base64Binary of the same signs. Reading raises WrongCellError if they are not that."""

    def read(value: str, _: Beside) -> str:
        try:
            b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise WrongCellError("dataset-base64") from None
        return value

    return Conversion(read, lambda value: value if isinstance(value, str) else None)
