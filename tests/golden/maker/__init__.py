"""Makes the golden files with PyTorch; run through ../make.py."""
