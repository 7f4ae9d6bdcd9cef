"""Secrets out of text and objects that leave the cluster, so that what a diagnosis needs stays.

What identifies or locates (hosts, ports, user names of connection strings, hashes, UIDs, IPs, times) survives;
what lets somebody in (passwords, tokens, keys) and e-mail addresses do not. Each is replaced by
``[REDACTED:kind]``; with a key, by ``[REDACTED:kind:tag]``, where equal secrets have equal tags.
"""
