"""Which version of the workbook is active: all blob I/O of the configuration."""
