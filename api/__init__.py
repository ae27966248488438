"""The service: recordings come in over HTTP, reports go out; see `detector serve`."""
