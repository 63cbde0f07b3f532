"""The program that finds names in texts, in a process of its own: started by the gateway, and no part of it.

Knows: Presidio and spaCy. Refuses to know: calls, rules, and anything else of the house.
"""
