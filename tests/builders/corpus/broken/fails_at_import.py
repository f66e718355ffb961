# expected: import_error: numpy_does_not_exist
import numpy_does_not_exist


class ModelNew:
    pass
