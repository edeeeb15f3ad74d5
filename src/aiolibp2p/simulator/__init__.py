"""A whole network in one process, from a seed: unmodified hosts under virtual time. docs/explanation/simulator.md"""
