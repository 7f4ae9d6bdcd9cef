"""What each command does. Imported when a command runs, so that ``--help`` does not wait for it."""
