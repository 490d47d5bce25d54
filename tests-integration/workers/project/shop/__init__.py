"""An ordinary small project whose tasks the tests run; it knows nothing about the tests."""
