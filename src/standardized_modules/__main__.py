"""`python -m standardized_modules` is `sm`."""

from standardized_modules.cli import main

if __name__ == "__main__":
    main()
