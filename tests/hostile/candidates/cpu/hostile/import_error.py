# problem: relu_add
# rows: isolation 4
# build: failed(import_error)
# note: raises while it is imported
import a_package_that_nobody_installed
