"""`python -m narthex`, the same as the command `narthex`.

Knows: where the command begins. Refuses to know: everything else.
"""

from narthex.cli import main

if __name__ == "__main__":
    main()
