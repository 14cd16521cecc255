"""Mentions: heard, told apart, matched to people, moderated, shown with the author's right."""
