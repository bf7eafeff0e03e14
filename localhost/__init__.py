"""The app on one machine: a stand-in for the Functions host, local services, the command line and the demo."""
