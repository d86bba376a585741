"""`python -m curate` is `curate`."""

from curate.cli.app import main

if __name__ == "__main__":
    main()
