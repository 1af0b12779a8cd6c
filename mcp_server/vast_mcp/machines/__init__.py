"""What a row of Vast's means: states, ways in, prices, volumes. Pure: nothing here asks Vast."""
