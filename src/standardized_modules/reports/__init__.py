"""What commands print, as text and as JSON. Pure: values in, text out."""
