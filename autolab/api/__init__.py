"""What a person can do with a lab, one module per noun. The public names are those of ``autolab`` itself."""
