"""``python -m hepppl`` is the command line."""

from hepppl.cli import main

if __name__ == "__main__":
    main()
