class StackError(Exception):
    """Something the person at the keyboard can mend; the text is whole sentences: what is wrong, what to do."""
