# Starts the device. On a board /main.py says: import firmware.main as m; m.main()
import sys

from .node import main

if __name__ == "__main__":
    main(sys.argv[1])
