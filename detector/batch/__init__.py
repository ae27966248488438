"""Folders of recordings: found, scanned with resumption, summed up, counted against rules."""
