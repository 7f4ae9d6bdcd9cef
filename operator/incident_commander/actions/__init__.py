"""The catalogue of actions, one per file: current objects and parameters → write, undo, risk. Pure."""
