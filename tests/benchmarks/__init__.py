"""What the program costs and how long it takes, in a real pseudo-terminal against the demo server in a process of its own.

``python -m tests.benchmarks [--quick] [--only NAME]``. Times depend on the machine and are only printed; what
can be compared is one run's ratios: how much more a token costs when ten times as many are already there.
"""
