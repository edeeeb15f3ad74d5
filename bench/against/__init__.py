"""Before and after: our own rows of two checkouts by turns. `python -m bench --against PATH_OR_REVISION`."""
