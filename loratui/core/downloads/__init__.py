"""Pictures of boards into a subset: a queue on disk, transfers that go on where they broke off, intake journalled."""
