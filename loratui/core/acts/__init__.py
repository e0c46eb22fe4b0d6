"""What a person does, one function an act: the verbs of the command line and the jobs of the screens call the same.

An act takes the workspace, composes the subjects below, and applies its plan; `report`, `cancel` and `dry_run` are the
face's. Asking, printing and painting are not done here.
"""
