"""Backfills: which ticks of a schedule are missing, and which of them start now. Pure.

- `wish`: what somebody asked for, in plain values. `names`: what runs of ticks are called.
- `cover`: which runs carry which tick, and what that makes of it.
- `due`: the drive over given ticks; `share`: what several of them may start together.
- `pursue`: the drive of a declared backfill, by what was decided at its first sight.
"""
