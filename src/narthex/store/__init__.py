"""What must survive a restart.

Knows: files on disk and how to replace them whole. Refuses to know: the meaning of what it keeps.
"""
