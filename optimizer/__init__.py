"""The allocation problem of FTSC, section V: who gets how much bandwidth, power and compression.

Start from `optimizer.problem.Problem`, solve it with `optimizer.solve.solve`, read an `optimizer.plan.Plan`.
"""
