"""The institutions of the demo region: hospitals, health centres, a CDC, and who works there."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from server.demo.person import Name, draw_name
from server.demo.places import place
from server.demo.shapes import identifier, reference, resource, terminology
from server.demo.tables import Division, Tables, read
from server.fhir.json import Resource

_HOSPITAL_ROOMS = (("outpatient", "门诊楼"), ("emergency", "急诊科"), ("inpatient", "住院部"))
_HOSPITAL_STAFF = 4


@dataclass(frozen=True, slots=True)
class Institution:
    """An institution: `rooms` are (id, kind of visit, name) of Locations, `staff` ids and names."""

    id: str
    name: str
    division: Division
    rooms: tuple[tuple[str, str, str], ...]
    staff: tuple[tuple[str, Name], ...]

    def room(self, kind: str) -> str:
        """Return the id of the Location for visits of `kind`, else of the first."""
        return next((id for id, of, _ in self.rooms if of == kind), self.rooms[0][0])


@dataclass(frozen=True, slots=True)
class Institutions:
    """All institutions, by the division they serve."""

    hospitals: dict[str, Institution]
    health_centres: dict[str, Institution]
    disease_control: Institution


def build(tables: Tables) -> Institutions:
    """Return the institutions of the region; they are the same for every seed."""
    region = tables.region
    return Institutions(
        hospitals={county.code: _hospital(county, tables) for county in region.counties},
        health_centres={
            township.code: _health_centre(township, tables) for township in region.townships
        },
        disease_control=_disease_control(region.prefecture, tables),
    )


def _hospital(county: Division, tables: Tables) -> Institution:
    id = f"demo-hospital-{county.code}"
    rooms = tuple((f"{id}-{kind}", kind, name) for kind, name in _HOSPITAL_ROOMS)
    staff = _staff(id, _HOSPITAL_STAFF, tables)
    return Institution(id, f"{county.name}医院（演示）", county, rooms, staff)


def _health_centre(township: Division, tables: Tables) -> Institution:
    id = f"demo-centre-{township.code}"
    kind = "社区卫生服务中心" if township.name.endswith("街道") else "卫生院"
    rooms = ((f"{id}-outpatient", "outpatient", "门诊"),)
    return Institution(id, f"{township.name}{kind}（演示）", township, rooms, _staff(id, 1, tables))


def _disease_control(prefecture: Division, tables: Tables) -> Institution:
    id = f"demo-cdc-{prefecture.code}"
    rooms = ((f"{id}-vaccination", "vaccination", "预防接种门诊"),)
    name = f"{prefecture.name}疾病预防控制中心（演示）"
    return Institution(id, name, prefecture, rooms, _staff(id, 1, tables))


def _staff(id: str, size: int, tables: Tables) -> tuple[tuple[str, Name], ...]:
    random = Random(id)  # noqa: S311 - made-up names are no secrets
    return tuple((f"{id}-{one}", draw_name(random, tables.people)) for one in range(1, size + 1))


def institutions() -> Iterator[Resource]:
    """Yield Organizations, Locations, Practitioners and their roles, what is referred to first."""
    built = build(read())
    everyone = (built.disease_control, *built.hospitals.values(), *built.health_centres.values())
    for institution in everyone:
        yield _organization(institution)
        for id, _, name in institution.rooms:
            yield _location(institution, id, name)
        for id, person in institution.staff:
            yield _practitioner(id, person)
            yield _role(institution, id, person)


def _organization(institution: Institution) -> Resource:
    return resource(
        "Organization",
        institution.id,
        identifier=[identifier("1.5", institution.id.upper())],
        active=True,
        type=[terminology("organization-type", "prov", "Healthcare Provider")],
        name=institution.name,
        address=[{"use": "work", **place(institution.division)}],
    )


def _location(institution: Institution, id: str, name: str) -> Resource:
    return resource(
        "Location",
        id,
        status="active",
        name=institution.name + name,
        mode="instance",
        address=place(institution.division),
        managingOrganization=reference("Organization", institution.id),
    )


def _practitioner(id: str, name: Name) -> Resource:
    return resource(
        "Practitioner",
        id,
        identifier=[identifier("1.4", id.upper())],
        active=True,
        name=[{"text": name.text, "family": name.family, "given": [name.given]}],
    )


def _role(institution: Institution, id: str, name: Name) -> Resource:
    return resource(
        "PractitionerRole",
        id,
        active=True,
        practitioner=reference("Practitioner", id, name.text),
        organization=reference("Organization", institution.id, institution.name),
        code=[terminology("practitioner-role", "doctor", "Doctor")],
        location=[reference("Location", room) for room, _, _ in institution.rooms],
    )
