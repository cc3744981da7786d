from __future__ import annotations

from hypothesis import settings

# A busy machine may take longer than 200 ms over one example; that says nothing about the code.
settings.register_profile("wharf", deadline=None)
settings.load_profile("wharf")
