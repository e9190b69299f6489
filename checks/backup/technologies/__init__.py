"""One module per backup technology: reads a repository, and restores from it where that makes sense."""
