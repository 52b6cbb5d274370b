"""A second opinion on search: it reads the specification, looks at every resource and is slow.

Nothing here may know how the server searches: the only things shared are HL7's facts, as data.
"""
