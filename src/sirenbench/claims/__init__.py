"""The paper's claims as predicates, and the verdicts on them that follow from finished cells."""
