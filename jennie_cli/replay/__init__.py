"""`jennie replay`: one day again through the deciding code alone, from recorded ticks or a generated market."""
