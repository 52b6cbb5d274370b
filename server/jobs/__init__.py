"""Jobs: requests whose callers do not wait, done later by a process of their own."""
