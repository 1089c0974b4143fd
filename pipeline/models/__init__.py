"""Every model: what it is (`catalogue`), how its weights get here (`fetch`, `hub`) and which of them form a set
(`sets`).

Imports go one way: `entries` <- `light`, `full` <- `catalogue` <- `sets`; `fetch` and `hub` know entries, and no stage;
a stage is handed the paths of its weights and imports nothing of this package.
"""
