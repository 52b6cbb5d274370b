"""How good the records are that institutions send: counted as they come, told as MeasureReports."""
