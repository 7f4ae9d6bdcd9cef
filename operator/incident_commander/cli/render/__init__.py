"""Objects as people read them: at 80 columns, with or without colour, and never as terminal commands."""
