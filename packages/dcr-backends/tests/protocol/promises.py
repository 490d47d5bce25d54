"""What the chord protocol promises, and by that what it leaves open.

The window: a body is sent again when a claimer renews while an earlier one is on its way from its own renewal to its
delete, and was killed there after it had published, or still works there though its lease ran out. Each such renewal
costs one body too many at most. No order of steps closes it: a database and a broker do not commit together. A kill
before publishing costs nothing, nor does a lease that runs out before the renewal, or without anybody taking over
before the counter is deleted.

Left open as well: a header that never gets complete. A message is lost; a part is killed after it has listed a task
that it does not come to send; a redelivered run of a failed part is killed after it has reported STARTED. Such a chord
keeps its counter until it expires.

A group id that is applied again while its counter is there shares that counter and its one body. Applied again later it
is a chord anew, with a counter and a body of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from .model import END, Protocol, Run, State, change_counter, is_complete
from .steps import STEPS

FINISHED = "a complete chord is finished by the next sweep at the latest, and its counter is gone"
ONCE = "a body is sent once per counter, but for the window between renew and delete"
UNDISTURBED = "without kills and lapses a body is sent exactly once, no sweep is needed, no counter is left"
NOT_EARLY = "a body is sent after all listed tasks have returned, with the results of all"
NOT_DROPPED = "a counter is deleted after its body was sent"
ROLLED_BACK = "without a committed counter no body is sent"
#: A listed task owes a return until a run of it takes one off this counter while the task's row is ready, and again
#: from the moment when a redelivered run hides that row. So it is owed for ever after a kill between store and
#: decrement, and until the recount at commit after a decrement that came before the counter could be seen.
COUNT = "the count is never below zero, and never above the number of listed tasks that owe a return"


def broken_now(state: State) -> Iterator[str]:
    """Yield the promises that the state breaks, whatever is under way."""
    if state.published > state.counters + state.windows:
        yield ONCE
    if state.published and not state.counters:
        yield ROLLED_BACK
    if state.early:
        yield NOT_EARLY
    if state.dropped:
        yield NOT_DROPPED
    if state.counter and not 0 <= state.counter.left <= sum(leaf.listed and leaf.owes for leaf in state.leaves):
        yield COUNT


def broken_when_quiet(state: State, protocol: Protocol, *, undisturbed: bool) -> Iterator[str]:
    """Yield the promises that the state breaks, in which no process is left.

    ``undisturbed``: no process was killed, no lease ran out.
    """
    yield from broken_now(state)
    if undisturbed and (state.published != state.counters or state.counter is not None):
        yield UNDISTURBED
    if is_complete(state):
        later = swept(state, protocol)
        if later.published < later.counters or later.counter is not None:
            yield FINISHED
        yield from broken_now(later)


def swept(state: State, protocol: Protocol) -> State:
    """Return the state after time has passed, so that a lease has run out, and one sweep has come and gone."""
    if state.counter is not None and state.counter.claim == "held":
        state = change_counter(state, claim="lapsed")
    sweep = Run("recount")
    while sweep.at != END:
        outcome = STEPS[sweep.at](state, sweep, -1, protocol)
        assert outcome is not None  # nothing else is under way that it could wait for
        state, sweep = outcome
    return state
