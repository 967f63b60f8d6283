"""A placeholder."""


def write_table(content, table):
    print(content["run"])
