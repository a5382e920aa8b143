"""One adapter per architecture. Each owns its denoise loop and reuses a stock pipeline's own methods for all else."""
