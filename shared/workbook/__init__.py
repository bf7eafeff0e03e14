"""From the bytes of a workbook to a configuration or its problems; the template, its guide and docs. Pure."""
