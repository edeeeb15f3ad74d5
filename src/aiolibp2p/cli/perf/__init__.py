"""The command `p2p perf`, sizes as people type them, and the lines it prints while it runs."""
