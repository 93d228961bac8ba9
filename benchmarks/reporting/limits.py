"""What limits each figure, in words: written by people from profiles and experiments, not worked out from results.

Invariant: a sentence here names its evidence (a stage of the profile, a row of a table), and is taken out when that
changes.
"""

from __future__ import annotations

from collections.abc import Mapping

LIMITS: Mapping[str, str] = {
    "job": "The broker, the worker and the judge's reader share the cores, so wall rates are held back by the broker; per"
    " CPU-second is the fairer figure. What is left above the floor is in the profile below: state rows, RocksDB and the"
    " engine's own loop.",
    "peers": "Each peer runs in its own idiom with the tuning that its folder names; figures of different sittings do not"
    " compare.",
    "peers-faust": "A fifth of the input, in a sitting of its own, because stock Faust would need minutes for the whole; it"
    " delivers at least once, acknowledges record by record and sends each output by itself.",
    "drain": "The contract agent is limited by what it decides, not by the engine: the comparison job runs on the same"
    " engine. More workers on two cores compete with the broker for them. Of a larger state every event"
    " reads a row that is not in memory, about 4 µs of RocksDB whatever its cache and filters, decodes it, and changes one"
    " more row, because fewer events of a transaction share theirs.",
    "latency": "Most of it is the broker's: four requests for each transaction and the writing of its markers, some 3 ms"
    " of Java's CPU, beside the fetches. An event waits for the fetch that brings it, for the transaction under way, for the floor between"
    " transactions at low rates (`transaction_idle_floor_ms`), and for the end of its own transaction: the reader sees"
    " nothing earlier. Sender, broker, worker and reader share the cores, so rates near the drain rate are those of four"
    " processes on them.",
    "spike": "While the spike lasts, its sender takes a share of the cores that the worker would have; the backlog waits"
    " in Kafka, not in the worker, so memory follows the fetch budget and not the backlog.",
    "restore": "One process, one partition after the other: fetching, then writing to RocksDB, then adding up the rows"
    " for the digest. A worker restores its partitions side by side, on the same core.",
    "rebalance": "A join costs one round of the group's protocol, in which partitions that stay are not restored; what"
    " moves is fenced and restored. Membership is static: a worker that leaves or dies keeps its partitions until the"
    " session timeout (6 s, the broker's floor) or until it is back under its name, whichever is first, so that a restart"
    " moves nothing; what is seen of a restart is the process's own start, the fence and the restore.",
    "profile": "Shares are of samples that worked; compiled code has no frames of its own and counts for the line that"
    " calls it.",
    "decide": "Many small steps and no large one: no function has a tenth of the time (below). Most events come behind the"
    " last revenue run and post nothing: those are admission, facts and what is told of them; what posts is mostly the"
    " writing of journals and revenue events, with a hash for each. No step goes through what came before"
    " (`tests/core/test_contract_history.py` counts operations).",
    "sweep": "Deciding and writing the outputs: each posting is a journal and a revenue event per line, encoded and hashed."
    " A contract with nothing to post costs its look at the calendar.",
    "summing": "As for the sweep: what is summed is decided and told in revenue events as ever. A share in a batch is a row that is"
    " written and deleted; telling a contract is an output of its own.",
    "close": "The contracts' year, event by event, and not the close of it: what is summed is decided as ever. Beside that the ERP"
    " has next to nothing to do. Memory is that of the partition with its groups in memory, and what the check itself keeps.",
    "state_size": "Ids: an invoice and its payment repeat those of contract, arrangement and line. Rows of 8 kB (facts and"
    " layers: 2 kB) and more are compressed, which costs some 40 µs to write for the ramp's documents and gives four"
    " fifths of them back; smaller ones would pay more time than they save.",
    "posting": "The ERP, where it takes time: the worker keeps half a second of calls ready behind those that run, so that no"
    " slot waits for a commit. The ideal is arithmetic, and no client reaches it: a call of 20 ms takes one of 23, in which its slot"
    " in the ERP stands empty for 3, so that the ERP by itself gets 0.87 of it too; what counts is the share of that. *Rough* has eight slots configured where the ERP has five, refusals for that as HTTP 400, and"
    " an answer in a hundred lost: one call more at once is tried now and then and refused, and what is in doubt at the end is asked"
    " about when seven seconds are over. At once, an ERP that takes no time, the worker itself is the limit:"
    " two transactions, five rows and a word to the contract for each command. ERP, broker and worker share the cores.",
    "codec": "The codec is built in; without a C compiler fastavro does the same work at the price shown.",
}
"""Benchmark -> sentences."""
