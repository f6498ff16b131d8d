"""`python -m pytest_aicore.cli`."""

import sys

from pytest_aicore.cli.command_line import main

if __name__ == "__main__":
    sys.exit(main())
