"""The interpreter of terminology: what code systems, value sets and concept maps say of codes."""
