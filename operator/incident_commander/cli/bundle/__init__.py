"""``bundle``: takes an incident along, to look at it elsewhere."""
