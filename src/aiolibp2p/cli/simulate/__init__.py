"""The command `p2p simulate`: scenarios on a simulated network, one seed or many."""
