"""Pairs of a good resource and one with a single change, for each family of rules.

What a change is meant to come to, is told where it is made, from the specification; no validator is
asked.
"""
