import sys


def main():  # type: () -> int
    if sys.version_info < (3, 10):  # noqa: UP036  whoever starts an older one should read why it does not work
        needed = "Python 3.10 or newer is needed; this is %s (%s). See https://www.python.org/downloads/\n"
        sys.stderr.write(needed % (sys.version.split()[0], sys.executable))
        return 2
    try:
        from grsai.cli import main

        return main()
    except KeyboardInterrupt:  # while the modules were loaded
        return 1


if __name__ == "__main__":
    sys.exit(main())
