"""The tags this machine knows of, with category, count and other names, and what they complete a word to.

Nothing here knows of boards or taggers, but for `machine`, which collects the files. `vocabulary` is the one to ask.
"""
