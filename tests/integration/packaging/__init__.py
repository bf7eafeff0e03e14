"""The package that a deployment to Elastic Premium runs from."""
