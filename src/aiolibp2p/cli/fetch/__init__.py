"""The command `p2p fetch`, and the files that `p2p node --fetch` answers it with."""
