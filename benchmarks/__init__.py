"""Scripts that measure, judge and fit; none is needed to use the program."""
