"""Prediction: where the driving series goes, and whether acting is better than waiting."""
