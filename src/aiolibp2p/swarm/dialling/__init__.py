"""The way to a peer: its addresses ranked, raced against each other, and attempted one by one."""
