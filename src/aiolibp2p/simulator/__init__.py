"""A whole network in one process, from a seed: unmodified hosts under virtual time.

The page docs/explanation/simulator.md says how it works.
"""
