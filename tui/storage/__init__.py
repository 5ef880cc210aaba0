"""Conversations and drafts on disk: documents, the shelf they stand on, the lock that keeps one writer."""
