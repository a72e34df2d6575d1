"""The use cases: declare, plan, apply, and what people ask about both sides.

Every surface (command line, operator, Git) goes through these; none of them knows another way.
"""
