"""`python -m jennie_cli`."""

from jennie_cli.main import main

if __name__ == "__main__":
    main()
