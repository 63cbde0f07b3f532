"""Python libraries inside the gateway.

Knows: how one is loaded, and loaded anew while somebody works on it. Refuses to know: how its functions are called
(`libraries`).
"""
