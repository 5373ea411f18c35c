"""Decisions: what one bundle says about one question of the data plane.

Pure. Time comes in as a number, nothing is looked up outside the bundle.
"""
