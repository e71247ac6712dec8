"""What files may hold: states of plain values, which are checked before anything is made of them."""
