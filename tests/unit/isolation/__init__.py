"""What keeps attempts apart."""
