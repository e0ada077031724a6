"""What people ask about a model, answered from the typed model: tables and explanations."""
