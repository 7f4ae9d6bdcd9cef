"""Signed statements, rounds, quorums and certificates. Pure: keys, envelopes and ``now`` are arguments."""
