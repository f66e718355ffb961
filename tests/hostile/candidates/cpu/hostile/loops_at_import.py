# problem: relu_add
# rows: isolation 12, kernelbench E4
# build: timed_out(time_limit)
# build_limit: 6
# note: never finishes being imported
while True:
    pass
