"""REST APIs as sources: connection and guard, client, pages, rows to Arrow, and the dlt resource over them."""
