"""Frozen values: what a scan is asked, what it does, what it gives back."""
