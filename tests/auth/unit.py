"""A unit whose staff launch apps about the patients whose records it keeps."""

from tests import builders

UNIT = {"reference": "Organization/unit-launch", "name": "漳州市第一医院"}


def lives(world, **elements):
    """Store a Patient whose record the unit keeps."""
    return world.store(
        builders.patient(managingOrganization={"reference": UNIT["reference"]}, **elements)
    )
