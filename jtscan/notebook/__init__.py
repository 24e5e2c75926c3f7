"""What needs a notebook: the only place that imports ipywidgets. Imported when it is used."""
