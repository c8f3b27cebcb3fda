"""Storyboards: many panels of one style, produced without being watched; what became of each is in the history."""
