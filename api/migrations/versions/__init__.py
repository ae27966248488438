"""One module a revision; the newest is named in `api.tables.HEAD`."""
