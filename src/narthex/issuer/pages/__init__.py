"""The pages that people see, as files: no script, nothing from elsewhere.

Knows: the files. Refuses to know: what is filled in.
"""
