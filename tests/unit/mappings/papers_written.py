"""Documents of WS/T 500 for tests: samples with a change, and a small writer of others.

The writer knows what the tables say of sections and codes, but puts the elements where it likes:
each group in an organizer, or as entries beside each other.
"""

import re
from itertools import zip_longest
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

GOLDEN = Path(__file__).parent / "cda_golden"
ENTRY = re.compile(r"<entry>.*?</entry>", re.DOTALL)
_HEADER = (
    '<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/'
    'XMLSchema-instance"><templateId root="{template}"/><code code="{code}"/>'
    "<recordTarget><patientRole>{ids}<patient><name>测试甲</name></patient></patientRole>"
    '</recordTarget><author><time value="20240501100000"/></author>'
    "<custodian><assignedCustodian><representedCustodianOrganization>"
    '<id root="2.16.156.10011.1.5" extension="12350600000000000G"/>'
    "</representedCustodianOrganization></assignedCustodian></custodian>"
    "<component><structuredBody>"
)
_END = "</structuredBody></component></ClinicalDocument>"


def sample(code):
    """Return the sample of the type `code` as a text."""
    return (GOLDEN / f"{code}.xml").read_text("utf-8")


def changed(code, *pairs):
    """Return the sample of the type `code` with what `pairs` name first put as second."""
    text = sample(code)
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


def document(document, entries, ids=(("11", "M001"),)):
    """Return the XML of `entries`: sections, each with its code and lists of written entries."""
    written = "".join(
        f'<id root="2.16.156.10011.1.{root}" extension="{extension}"/>' for root, extension in ids
    )
    head = _HEADER.format(template=document.head.template, code=document.head.code, ids=written)
    body = "".join(
        f"<component><section><code code={quoteattr(code)}/>{''.join(said)}</section></component>"
        for code, said in entries.items()
    )
    return (head + body + _END).encode()


def observation(row, value):
    """Return the observation that says `value` for `row` of a document's table."""
    called = f" displayName={quoteattr(row.display[0])}" if row.display else ""
    return (
        f"<observation><code code={quoteattr(row.de)}{called}/>{_value(row, value)}</observation>"
    )


def entry(*observations, is_cluster=False):
    """Return one entry with all `observations`, or one for each."""
    if is_cluster:
        inner = "".join(f"<component>{one}</component>" for one in observations)
        return f'<entry><organizer classCode="CLUSTER">{inner}</organizer></entry>'
    return "".join(f"<entry>{one}</entry>" for one in observations)


def items(columns):
    """Return the items that `columns` of values, by row of the table, are made of."""
    for values in zip_longest(*columns.values(), fillvalue=""):
        yield [observation(row, value) for row, value in zip(columns, values, strict=True) if value]


def _value(row, value):
    if row.type == "ST":
        return f'<value xsi:type="ST">{escape(value)}</value>'
    name = "code" if row.type == "CD" else "value"
    flag = {"T": "true", "F": "false"}.get(value, value) if row.type == "BL" else value
    return f"<value xsi:type={quoteattr(row.type)} {name}={quoteattr(flag)}/>"
