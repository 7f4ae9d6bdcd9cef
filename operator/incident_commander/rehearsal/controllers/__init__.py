"""The controllers of a cluster: level-triggered, over the API-server model, with the real ones' words."""
