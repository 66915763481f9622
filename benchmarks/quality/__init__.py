"""Every kind beside the field's own tools, on data that nobody here wrote: ``make quality``."""
