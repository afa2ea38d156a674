"""`python -m loancli`: the same as the command `loancli`."""

import sys

from loancli.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
