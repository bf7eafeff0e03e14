"""`python -m localhost`: see `python -m localhost --help`."""

from localhost.cli import main

if __name__ == "__main__":
    main()
