"""The chord protocol as a model that is small enough to look at everything that can happen.

``model``: rows, counter, processes, and the devices that make the protocol safe. ``steps``: what a process can do at
once. ``promises``: what must hold, and what is left open. ``search``: every order of steps with everything that can go
wrong in between. ``test_protocol``: the chords that are searched, and what breaks without each device.
"""
