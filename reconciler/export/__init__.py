"""Live objects as documents: pure, from normal forms and workflow interfaces to specs.

Each document is proven before it is given: resolved again, it has the normal form of the live
object. What the language cannot say exactly is given in the words that it has, with the reason.
"""
