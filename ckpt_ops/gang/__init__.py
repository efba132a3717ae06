"""Processes that do one piece of work together, on one host or several, and give up as one: a gang.

They meet through the store. The first worker listens on an address of its host, and puts it there with a
secret (`meeting`). The others find it, connect, and say what they are; one that differs is refused
(`facts`). When all are there, each is told the addresses at which their processes will talk, and starts its
own. From then on every worker says every few seconds that it is there (`channel`), and watches its process
(`watching`): one that was killed, stopped or cut off ends the work of all, as a retry ends it.

Nothing here decides who may write. That is for fencing tokens: a worker that is taken for dead may still act.
"""

from ckpt_ops.gang.facts import Facts
from ckpt_ops.gang.leader import Leader
from ckpt_ops.gang.member import Member
from ckpt_ops.gang.watching import Done, Watch, beat_in

__all__ = ["Done", "Facts", "Leader", "Member", "Watch", "beat_in"]
