"""Who may do what, and what of the data they may see."""
