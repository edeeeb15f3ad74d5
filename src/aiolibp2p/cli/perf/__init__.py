"""`p2p perf`: the command, sizes as people type them, and what it says while it runs."""
