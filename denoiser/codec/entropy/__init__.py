"""Entropy coding of integers, with the same result on every machine.

`index` and `integer` compute the table of each symbol with integers; `tables` makes and stores the counts;
`symbols` codes with them. No torch, and no floating point that could differ.
"""
