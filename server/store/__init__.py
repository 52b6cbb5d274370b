"""MongoDB, and the only room that speaks to it.

One collection per resource type holds the current version of each resource as
one document; ``<Type>_history`` holds the versions that were superseded.
"""
