"""Where the audit log goes besides: standard output, a file, syslog, OTLP, a webhook.

Knows: how each is spoken to. Refuses to know: what a record means. The folder is the buffer of all of them.
"""
