"""Image boards: one small module per engine family, query planning, and the normalised `Post`.

`registry` finds a board, `search` goes through its posts, `login` takes its key. Nothing here writes to a project.
"""
