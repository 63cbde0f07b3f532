"""What a server is shown: keys, tokens, and headers about the caller. One file per kind.

Knows: how to get what a server asks for, and how long it is good. Refuses to know: JSON-RPC, and who may call what.
A token of a caller goes from here to the authorization server the operator named, and nowhere else.
"""
