"""Verification: does the dry-run pass, can it be undone, can success be measured?"""
