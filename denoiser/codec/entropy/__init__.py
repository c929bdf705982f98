"""The part of a latent file that must be the same on every machine: integers to bytes and back.

`index` and `integer` compute which table codes a symbol, in whole numbers; `tables` holds the tables as counts;
`symbols` codes with them, and `reference` is its twin; `build` makes tables once, when weights are exported. No
torch, and no floating point that could differ.
"""
