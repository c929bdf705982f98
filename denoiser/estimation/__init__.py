"""How noisy a picture is, and in what way."""
