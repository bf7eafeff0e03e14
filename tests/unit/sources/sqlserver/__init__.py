"""Tests of SQL Server as a source."""
