"""Entropy coding: integers to bytes and back, with the same result on every machine.

`index` and `integer` compute the table of each symbol with integers; `tables` holds the counts;
`symbols` codes with them, `reference` is its reference implementation; `build` makes tables for exported weights.
No torch, and no floating point that could differ.
"""
