"""The HTTP API: what its routes take and answer, who may call them, and the document that describes them."""
