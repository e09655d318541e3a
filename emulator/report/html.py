"""placeholder"""


def page(report, originals, received) -> str:
    return "<!doctype html>"
