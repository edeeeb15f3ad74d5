"""Benches: `python -m bench`, or `make bench`. How they measure: docs/explanation/performance.md."""
