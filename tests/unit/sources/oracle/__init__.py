"""Tests of Oracle as a source."""
