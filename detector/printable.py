"""Text from files and their names, made fit for a terminal."""

__all__ = ["printable"]


def printable(text: str) -> str:
    """Replace, one by one, what could move the cursor, ring, turn writing round or break a line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text)
