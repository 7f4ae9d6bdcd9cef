"""Diagnosis: ranked causes from evidence. ``engine`` decides, ``vote`` judges a plan, ``facts`` is the table."""
