"""The command line: ``incident-commander`` and ``kubectl incident``."""
