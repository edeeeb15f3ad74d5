"""Many seeds of one scenario: over the processes of this machine, or over a Ray cluster. Results come as runs end."""
