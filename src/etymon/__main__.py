"""`python -m etymon` is `etymon`."""

import sys

from etymon.cli import main

if __name__ == "__main__":
    sys.exit(main())
