"""How well a tokenizer fits texts."""
