"""What build_addon.py is made of. Standard library only."""
