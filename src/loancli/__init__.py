"""loancli: loan servicing for lenders to small businesses, on the command line."""

__version__ = "0.1.0"
