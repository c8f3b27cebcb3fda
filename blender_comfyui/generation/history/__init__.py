"""Every request and what became of it, on disk."""
