"""What the server itself may do when it acts for a caller, beyond what that one may see.

Spec: 人口健康信息管理办法(试行) article 8 (R1.8c); https://hl7.org/fhir/R4/security.html
"""

from server.access.caller import Caller
from server.access.policy import Right, Rights
from server.access.scopes import LETTERS

ROLE = "platform"
RIGHTS = Rights(
    caller=Caller(kind="system", role=ROLE),
    rights=(Right("*", frozenset(LETTERS)), Right("Task", frozenset("crus"))),
    internal=True,
)
