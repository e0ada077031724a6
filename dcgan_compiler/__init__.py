"""dcganc: a compiler from the description of a discriminator to the PyTorch code of a whole GAN."""

__version__ = "0.1.0"
