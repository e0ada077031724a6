"""Text or JSON to a syntax tree with source spans, and back."""
