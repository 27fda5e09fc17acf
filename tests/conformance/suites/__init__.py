"""The conformance suites; run.py lists them in SUITES."""
