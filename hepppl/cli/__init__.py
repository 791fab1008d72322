"""The command line. One module per command; `hepppl.cli.app` finds them by name and imports only what is asked for."""


def main() -> None:
    """Entry point of the ``hepppl`` script."""
    from hepppl.cli.app import app

    app(prog_name="hepppl")
