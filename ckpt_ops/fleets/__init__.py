"""What is done to many models at once: choosing them, rolling them back, back-tests of all of them."""
