"""`python -m aiolibp2p` is the command `p2p`."""

import sys

from aiolibp2p.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
