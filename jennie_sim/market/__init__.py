"""What the rehearsal exchange trades: a generated market, session packs and the tick path of a day."""
