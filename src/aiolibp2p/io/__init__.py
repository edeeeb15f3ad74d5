"""The shell around the cores: the driver that pumps them, supervised tasks, the clock, the event bus."""
