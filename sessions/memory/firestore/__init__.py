"""The memory in Firestore. Importing it costs two seconds: `sessions.memory.open_memory` does, for who needs it."""

from sessions.memory.firestore.sentences import Place
from sessions.memory.firestore.store import FirestoreMemory

__all__ = ["FirestoreMemory", "Place"]
