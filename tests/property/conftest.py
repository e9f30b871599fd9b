"""Properties are about what holds, never about how fast it is found: a busy machine is no counterexample."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("autolab", deadline=None)
settings.load_profile("autolab")
