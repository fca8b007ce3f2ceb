"""Logical backups: made, restored, and tried out by jobs and by people.

The cloud's own backups bring the server back to any moment of the last days. These help where that
does not: on another server, in another version, for one table, and when the cloud's are gone.
See docs/disaster-recovery.md.
"""
