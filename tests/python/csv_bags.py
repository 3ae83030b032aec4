"""A table of bags (label, bag, features...) that a MIL network can learn: noise, and in one class one raised instance."""
import random


def write_csv_bags(path, bags=24, rows=40, width=8):
    source = random.Random(1)
    with open(path, "w") as table:
        for bag in range(bags):
            for row in range(rows):
                values = [source.gauss(0, 1) for _ in range(width)]
                if bag % 2 and row == 3:
                    values[0] += 4
                table.write(f"{'ab'[bag % 2]},bag{bag}," + ",".join(f"{value:.5f}" for value in values) + "\n")
