"""Telling people and programs what became of a set.

`occasions` decides what is worth saying, `channels` say it, and `notifier` sees to it that it is
said once and holds up nobody.
"""
