"""Image boards: queries in, normalised posts out. Nothing here writes to a project.

From below to above, each layer knowing only those under it: `decode` and `post` (what an answer becomes), `language`
(the words of a query), `board` (what every engine does), `engines`, `network`, `registry` (a board by its name),
`planning`, `choosing`, `listing`; and on top what faces use beside a listing: `completion`, `login`, `memory`.
"""
