"""Language models behind one protocol; without a server the rules answer and say so."""
