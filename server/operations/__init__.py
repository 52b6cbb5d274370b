"""Operations: what is asked for by a name with a ``$``, one module each."""
