"""Numbers that identify persons and institutions in China: their anatomy and their rules."""
