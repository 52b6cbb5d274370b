"""The OAuth 2.0 and SMART authorization server: one module for each RFC."""
