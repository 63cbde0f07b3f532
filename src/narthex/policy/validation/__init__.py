"""Arguments and results against the JSON Schemas that servers declare for their tools.

Knows: compiled schemas, what checking would cost, and how a flaw is said to a model. Refuses to know: when a schema is
compiled and where it is kept (`relay/checking`).
"""
