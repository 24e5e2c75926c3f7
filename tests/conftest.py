"""Settings that every test shares."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("default", max_examples=5, deadline=None)
settings.register_profile("ci", max_examples=40, deadline=None, print_blob=True)
settings.load_profile("default")
