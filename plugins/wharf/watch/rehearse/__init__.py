"""The rehearsal: contracts tried on a past, with the watch's own code and a clock that jumps.

Nothing is kept but what is written to the folder asked for, and nothing is sent: ledger, lake and
messages live in a throw-away place. Nothing is imported here; begin with `rehearsal.rehearse`.
"""
