"""Tags: the tagger (a child process) and its label files, the forms of a tag, what a tag describes, what to prune."""
