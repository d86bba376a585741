"""`python -m curate.pipeline.executors.careful FOLDER PARENT`: one careful attempt, in a process
that may die.
"""

import sys

from curate.pipeline.executors.worker import careful_child

if __name__ == "__main__":
    careful_child(sys.argv[1], int(sys.argv[2]))
