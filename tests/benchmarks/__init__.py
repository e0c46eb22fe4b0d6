"""What loratui costs, against its limits and its peers: `python -m tests.benchmarks [SUBJECT…]`.

Each module here is one subject and has `rows() -> list[Row]`; a new module is found by itself. Figures that hang on the
machine are ratios to a peer measured in the same run; byte counts are exact.
"""
