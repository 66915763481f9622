# Runs the test functions of one device_*.py on whatever interpreter reads this; prints one line for each.
import sys


def main(name):
    __import__(name)
    module = sys.modules[name]
    after = getattr(module, "after", None)  # puts back what a test has replaced
    failed = 0
    for word in sorted(dir(module)):
        if word.startswith("test_"):
            try:
                getattr(module, word)()
                print("passed", word)
            except Exception as error:
                failed += 1
                print("failed", word)
                if hasattr(sys, "print_exception"):
                    sys.print_exception(error, sys.stdout)
                else:
                    raise
            finally:
                if after:
                    after()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1])
