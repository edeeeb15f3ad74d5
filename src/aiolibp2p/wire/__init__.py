"""How messages are framed on a stream, and how text from a stranger is made fit to be printed. Pure."""
