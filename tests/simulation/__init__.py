"""A deterministic simulation of the whole app: one seed decides every order, delay and fault.

| module or room | its one idea |
| --- | --- |
| kernel | simulated time, and tasks that take turns |
| faults | what goes wrong, by dice |
| storage | blobs and tables under the SDK's shapes |
| durable | instances, history, replay, queues |
| model | the sources, and a load that commits by the lake's own code |
| hosts | processes that die, freeze and come back; timers and triggers |
| operator | who uploads, starts, cancels, retries, terminates |
| edges | where the app is given all this instead of the world |
| invariants | what must hold at every step and at the end |
| attempts | what an attempt costs |
| mutations | faults of the app, which the simulation has to find |
| world | all of it together, for one seed |

docs/reliability.md says what runs unchanged, what is modelled, and how to replay a seed.
"""
