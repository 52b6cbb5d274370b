"""A made-up region with made-up residents, to try the server out with."""
