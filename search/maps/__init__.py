"""Maps: papers in two dimensions, near those that they are similar to."""
