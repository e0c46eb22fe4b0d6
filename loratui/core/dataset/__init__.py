"""Images, captions, records, the tag index, and expressions that select images."""
