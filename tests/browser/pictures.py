"""Make the pictures of the READMEs anew: ``python -m tests.browser.pictures docs``.

They show the demo region: the first page, a resident's record, and who looked at it.
"""

import sys
import tempfile
from pathlib import Path

from server.access.caller import Caller, Party
from server.audit.event import Event, rest
from server.demo.residents import residents
from server.interactions.call import Disclosed
from server.services import Interpreters, Services
from server.settings import Settings
from server.store.embedded import EmbeddedMongo
from tests import processes
from tests.browser import chromium, people
from tests.browser.conftest import run

LANGUAGES = {"zh-CN": ".zh", "en-GB": ""}
PICTURES = {
    "welcome": ("/", 860),
    "portal-record": ("/me", 1300),
    "portal-access": ("/me/access", 1100),
}
WIDTH = 1100
_LOOKS = (
    (
        "赵医生",
        "clinician",
        "芗城区医院（演示）",
        "门诊工作站",
        "TREAT",
        "Observation",
        "search-type",
    ),
    (
        "钱医生",
        "clinician",
        "芗城区医院（演示）",
        "门诊工作站",
        "ETREAT",
        "MedicationRequest",
        "read",
    ),
    (
        "孙统计",
        "quality",
        "漳州市疾病预防控制中心（演示）",
        "免疫规划信息系统",
        "PUBHLTH",
        "Immunization",
        "search-type",
    ),
)


def main() -> None:
    """Start a server with a few residents and take the pictures into the folder that is named."""
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as made, EmbeddedMongo(Path(made) / "mongodb") as url:
        server = processes.Server(
            Path(made) / "server.log", mongodb_url=url, database="pictures", access="oauth"
        )
        run(server, "demo", "--residents", "6")
        services = Services.open(
            Interpreters.of(Settings(mongodb_url=url, database="pictures")), bytes
        )
        try:
            server.start().ready()
            resident = next(people.some_residents(services, 1))
            look(services, next(residents(1, 1))[0]["id"])
            with chromium.running() as browser:
                for language, ending in LANGUAGES.items():
                    take(browser, server.root, services, resident, folder, language, ending)
        finally:
            services.close()
            server.stop()


def look(services, patient):
    """Have people of other institutions look at the record of `patient`."""
    for name, role, institution, software, purpose, type, interaction in _LOOKS:
        caller = Caller(
            kind="staff", account=name, person=Party(None, name), role=role, purpose=purpose,
            organization=Party("Organization/demo", institution), client=Party(None, software),
        )  # fmt: skip
        shown = (Disclosed(type, "demo", 1, (f"Patient/{patient}",)),)
        services.trail.append(Event(act=rest(interaction), caller=caller, shown=shown))
    services.trail.confirm()


def take(browser, root, services, resident, folder, language, ending):  # noqa: PLR0917
    """Take every picture in one language."""
    for name, (path, height) in PICTURES.items():
        size = {"width": WIDTH, "height": height}
        with chromium.window(browser, locale=language, viewport=size) as page:
            if path != "/":
                people.remember(page, root, services, resident)
            page.goto(f"{root}{path}")
            page.screenshot(path=folder / f"{name}{ending}.png")


if __name__ == "__main__":
    main()
