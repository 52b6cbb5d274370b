"""Proof that nobody sees what is not theirs: a fixture world, a matrix of requests, an oracle."""
