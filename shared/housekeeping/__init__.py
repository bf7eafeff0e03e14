"""What is kept only for a while is removed on a timer, a bounded amount per tick; never what runs or is active."""
