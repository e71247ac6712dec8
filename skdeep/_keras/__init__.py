"""Keras objects of the user's and ours: copied, compared and described, and read for what they take and give."""
