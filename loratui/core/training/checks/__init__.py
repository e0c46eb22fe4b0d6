"""The checks before a training, by what they look at; each gives findings, `ok` ones too."""
