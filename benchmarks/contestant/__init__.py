"""What runs in a contestant's process: its site, and the scenarios that it plays.

This code meets several environments: it uses nothing but the standard library and what they have in common.
"""
