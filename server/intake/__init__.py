"""Intake: files of rows or records, read as they come, written as transactions of bounded size."""
