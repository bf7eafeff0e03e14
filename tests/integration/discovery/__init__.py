"""What discovery finds in each kind of source, and that a load accepts what it proposes."""
