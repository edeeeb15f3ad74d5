"""Dialling: the way to a peer, from a request to a connection; each module calls the one below it.

`dialling` takes requests and shares dials; a `shared_dial` settles its callers; a `race` has attempts compete; an
`attempt` tries one address. What is decided without waiting stands apart: `candidates`, `ranker`, `history`,
`refusals`.
"""
