"""One prompt over seeds, or over any two parameters, as one labelled picture."""
