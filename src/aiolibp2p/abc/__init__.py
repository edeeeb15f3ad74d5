"""The contracts between rooms: what each gives and takes, in types and words. No logic."""
