"""Documents of WS/T 500, read by tables into the rows of national data sets."""
