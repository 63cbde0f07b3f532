"""The outside judges: suites, clients and servers that others wrote, and how the gateway is set between them.

Standard library only: it runs on any Python from 3.11 on, and starts everything else in environments of its own.
"""
