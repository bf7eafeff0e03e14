"""The activities, one a module: each turns JSON into an envelope of JSON and does not raise."""
