"""What a word of a QUERY may become, from memory at once and from the boards when they answer."""
