"""The command `p2p`: `id`, `node`, `ping`, `identify`, `perf` and `simulate`, a module (or a folder) each.

For people by default; `--json` prints one object a line. An error is one line on stderr that says the way out.
Exit 0: done; 1: failed; 2: called the wrong way. What takes long to load is loaded by the command that needs it.
"""
