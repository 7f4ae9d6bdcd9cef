"""What is gathered about a target, and how it is cited."""
