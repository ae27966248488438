"""`detector`, and `python -m detector`."""

import sys

__all__ = ["main"]


def main() -> int:
    """Run the command line; returns the exit code."""
    from detector.supervise import supervised, wanted

    if wanted(sys.argv[1:]):
        return supervised(sys.argv[1:])
    from detector.cli import main

    return main()


if __name__ == "__main__":
    raise SystemExit(main())
