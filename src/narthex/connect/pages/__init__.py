"""The pages of the connect page, as files: HTML with gaps, and what their style has beside that of all pages."""
