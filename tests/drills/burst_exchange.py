"""The exchange of the feed's drills with an opening burst in its tapes (drill 19)."""

from tests.drills.feed_exchange import main

if __name__ == "__main__":
    main(burst=True)
