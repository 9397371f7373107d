"""`python -m dunning` is `dunning`."""

from dunning.cli import main

if __name__ == "__main__":
    main()
