"""Faults of every kind, made on purpose: what the tests of all rooms are held against."""
