"""loratui: from a tag query to a tested LoRA, in one terminal."""

__version__ = "0.1.0"
