"""wharf: where a supplier's delivery goes before it may be called warehouse data."""

__version__ = "0.1.0"
