"""What commands print, as text and as JSON: values in, text out."""
